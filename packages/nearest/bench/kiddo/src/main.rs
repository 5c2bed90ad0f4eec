//! Nearest codes by kiddo's k-d tree, for compare.mjs: its recommended immutable tree in float32, the exact nearest
//! query, threads over queries. Reads "n codes dim file" a line, answers the seconds of one run, tree included.
use kiddo::{ImmutableKdTree, SquaredEuclidean};
use std::io::{BufRead, Write};
use std::time::Instant;

fn points<const D: usize>(values: &[f32]) -> Vec<[f32; D]> {
    values.chunks_exact(D).map(|row| row.try_into().unwrap()).collect()
}

fn search<const D: usize>(values: &[f32], n: usize, threads: usize) -> f64 {
    let (queries, codes) = values.split_at(n * D);
    let (queries, codes) = (points::<D>(queries), points::<D>(codes));
    let mut answers = vec![0u32; n];
    let start = Instant::now();
    let tree = ImmutableKdTree::<f32, D>::new_from_slice(&codes).unwrap();
    let step = n.div_ceil(threads);
    std::thread::scope(|scope| {
        for (part, out) in queries.chunks(step).zip(answers.chunks_mut(step)) {
            let tree = &tree;
            scope.spawn(move || {
                for (query, answer) in part.iter().zip(out) {
                    *answer = tree.query(query).nearest_one::<SquaredEuclidean<f32>>().execute().item;
                }
            });
        }
    });
    let seconds = start.elapsed().as_secs_f64();
    std::hint::black_box(answers);
    seconds
}

fn main() {
    let threads: usize = std::env::args().nth(1).unwrap().parse().unwrap();
    let lock = include_str!("../Cargo.lock");
    let version = lock.split("name = \"kiddo\"\nversion = \"").nth(1).and_then(|rest| rest.split('"').next());
    println!("\"{}\"", version.unwrap());
    let mut last = String::new();
    let mut values: Vec<f32> = Vec::new();
    for line in std::io::stdin().lock().lines() {
        let line = line.unwrap();
        let fields: Vec<&str> = line.splitn(4, ' ').collect();
        let (n, dim) = (fields[0].parse::<usize>().unwrap(), fields[2].parse::<usize>().unwrap());
        if fields[3] != last {
            last = fields[3].to_string();
            let bytes = std::fs::read(&last).unwrap();
            values = bytes.chunks_exact(4).map(|four| f32::from_le_bytes(four.try_into().unwrap())).collect();
        }
        match dim {
            4 => println!("{:.9}", search::<4>(&values, n, threads)),
            8 => println!("{:.9}", search::<8>(&values, n, threads)),
            _ => println!("null"),
        }
        std::io::stdout().flush().unwrap();
    }
}
