#!/usr/bin/env bash
# A real Slurm of four nodes on this machine, out of Debian's packages (unpacked, not installed), and revq on it: the ready script
# deploy/slurm/extract.sbatch as an array, with a task requeued and a task killed; then an evaluation and an ablation as arrays. What
# comes out is compared with what one process makes. Usage: bash tools/faults/slurm.sh [folder]; as root, on Debian or Ubuntu; build first.
set -euo pipefail
cd "$(dirname "$0")/../.."
base=$(realpath -m "${1:-$(mktemp -d)}")
rm -rf "$base/state"
mkdir -p "$base"/{debs,root,state,log,work}

if [ ! -x "$base/root/usr/sbin/slurmd-wlm" ]; then
  (cd "$base/debs" && apt-get download slurmctld slurmd slurm-client slurm-wlm-basic-plugins libhwloc15 2>/dev/null >&2)
  for package in "$base"/debs/*.deb; do dpkg -x "$package" "$base/root"; done
fi
libraries=$(dirname "$(find "$base/root/usr/lib" -name libslurmfull.so)")
export LD_LIBRARY_PATH="$libraries:$(dirname "$libraries")" SLURM_CONF="$base/slurm.conf" PATH="$base/root/usr/bin:$PATH"

cat > "$SLURM_CONF" <<CONF
ClusterName=one
SlurmctldHost=$(hostname)(127.0.0.1)
SlurmctldPort=27917
AuthType=auth/none
CredType=cred/none
SlurmUser=root
StateSaveLocation=$base/state
SlurmdSpoolDir=$base/spool-%n
SlurmctldPidFile=$base/slurmctld.pid
SlurmdPidFile=$base/slurmd-%n.pid
PluginDir=$libraries
ProctrackType=proctrack/pgid
TaskPlugin=task/none
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU
SwitchType=switch/none
JobAcctGatherType=jobacct_gather/none
AccountingStorageType=accounting_storage/none
SlurmdParameters=config_overrides
NodeName=n[0-3] NodeHostname=$(hostname) NodeAddr=127.0.0.1 Port=[27920-27923] CPUs=1 RealMemory=2000
PartitionName=all Nodes=n[0-3] Default=YES State=UP
CONF

pids=()
stop() { for pid in "${pids[@]}"; do kill "$pid" 2>/dev/null || true; done; }
trap stop EXIT
"$base/root/usr/sbin/slurmctld-wlm" -D > "$base/log/controller" 2>&1 & pids+=($!)
sleep 2
for node in n0 n1 n2 n3; do
  mkdir -p "$base/spool-$node"
  "$base/root/usr/sbin/slurmd-wlm" -D -N "$node" -d "$base/root/usr/sbin/slurmstepd-wlm" > "$base/log/$node" 2>&1 & pids+=($!)
done
sleep 3
echo "slurm $(sinfo --version | cut -d' ' -f2), nodes: $(sinfo -h -N -o '%N %t' | tr '\n' ' ')"

work="$base/work"
rm -rf "${work:?}"/*
small=(--gpus-per-task=0 --cpus-per-task=1 --mem=100 --output="$work/%x-%a.log" --open-mode=append)
revq="node $PWD/apps/cli/bin/revq.js"
idle() { while [ -n "$(squeue -h)" ]; do sleep 1; done; }
array() { sbatch --parsable --job-name="$1" --array=0-3 "${small[@]}" --wrap "exec ${*:2}"; }

export DATA=synthetic:dead-leaves STORE="$work/store" WEIGHTS="${DCAE:?folder of DC-AE weights; small ones will do}"
job=$(sbatch --parsable --array=0-3 "${small[@]}" deploy/slurm/extract.sbatch --limit 240 --images-per-shard 4)
until [ "$(ls "$STORE" 2>/dev/null | grep -c 'latents-.*json')" -ge 8 ]; do sleep 0.2; done
scancel --signal=KILL --full "${job}_1"
scontrol requeue "${job}_2"
echo "extract: task 1 killed, task 2 requeued after $(ls "$STORE" | grep -c 'latents-.*json') of 60 shards"
until squeue -h -r -o '%K %t' | grep -q '2 PD'; do sleep 0.5; done
scontrol update jobid="${job}_2" StartTime=now
idle
echo "extract: $(ls "$STORE" | grep -c 'latents-.*json') of 60 shards when the array had ended"
sbatch --parsable --array=0-3 "${small[@]}" deploy/slurm/extract.sbatch --limit 240 --images-per-shard 4 > /dev/null # the same again
idle
grep -h 'from Slurm' "$work"/revq-extract-*.log | sort | uniq -c
$revq merge "$STORE"
$revq extract --backbone dc-ae --weights "$WEIGHTS" --data "$DATA" --limit 240 --image-size 256 --dtype float16 --images-per-shard 4 -o "$work/alone" 2> /dev/null
diff -r "$STORE" "$work/alone" && echo "extract: the same bytes as one process makes"

# A time limit of a minute: revq hears of it before, saves, and is queued again.
limited=$(STORE="$work/limited" sbatch --parsable --time=1 --signal=B:TERM@55 --array=0-0 "${small[@]}" --output="$work/limited.log" deploy/slurm/extract.sbatch --images-per-shard 4)
sleep 5
until ! squeue -h -r -o '%t' | grep -qE '^(R|CG)$'; do sleep 0.5; done
echo "time limit: $(squeue -h -j "$limited" -r -o '%t %r'), $(ls "$work/limited" | grep -c 'latents-.*json') of 64 shards kept; it said: $(grep -h -A1 Stopping "$work/limited.log" | tr '\n' ' ')"
scancel "$limited"

$revq train --data "$DATA" --image-size 32 --set data.limit=64 --tokens 16 --codes 16 --rectifier identity -o "$work/tokenizer" > /dev/null 2>&1
array eval "$revq" eval "$work/tokenizer" --data "$DATA" --limit 50 -o "$work/scores" > /dev/null
array ablate "$revq" ablate --data "$DATA" --image-size 32 --set data.limit=24 --quantizer vq,fsq,lfq,tokenbridge --tokens 16 --rectifier identity -o "$work/compared" > /dev/null
idle
$revq merge "$work/scores" --json > "$work/joined.json"
$revq eval "$work/tokenizer" --data "$DATA" --limit 50 --json > "$work/whole.json" 2> /dev/null
node -e '
  const [joined, whole] = ["joined", "whole"].map((name) => JSON.parse(require("fs").readFileSync(`${process.argv[1]}/${name}.json`)));
  const difference = Math.abs(joined.evaluation.psnr - whole.psnr);
  console.log(`eval: ${joined.evaluation.images} images in 4 parts, PSNR ${joined.evaluation.psnr.toFixed(4)} dB, one process ${whole.psnr.toFixed(4)}, difference ${difference.toExponential(1)}`);
  process.exit(difference < 1e-6 ? 0 : 1);
' "$work"
$revq merge "$work/compared" --json > "$work/compared.json"
node -e '
  const { trials, failed } = JSON.parse(require("fs").readFileSync(process.argv[1]));
  console.log(`ablate: ${trials.length} trials joined (${trials.map(({ name }) => name).join(", ")}), ${failed.length} failed`);
' "$work/compared.json"
