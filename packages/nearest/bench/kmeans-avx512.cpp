// Lloyd's algorithm with a hand-written brute-force search, for kmeans.mjs: brute-avx512.h, threads
// over groups, means in float64. Starts from given codebooks and leaves empty clusters in place.
// Arguments: threads, samples, groups, codes, dim (4 or 8), passes, file of latents
// [samples, groups, dim] and codebooks [groups, codes, dim], file to write the codebooks to. Prints
// the seconds (wall, processor) from the latents in memory to the last codebook, without file access.
#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <thread>
#include <vector>
#include "brute-avx512.h"

struct Shape {
  int samples, groups, codes, dim, passes;
};

template <int D, int Q>
static void fitGroup(const Shape& shape, int group, const float* latents, float* codebook) {
  std::vector<float> queries((size_t)shape.samples * D);
  for (int s = 0; s < shape.samples; s++)
    for (int k = 0; k < D; k++) queries[(size_t)s * D + k] = latents[((size_t)s * shape.groups + group) * D + k];
  std::vector<int> cluster(shape.samples);
  float* blocks = (float*)aligned_alloc(64, (size_t)shape.codes * D * 4);
  for (int pass = 0; pass < shape.passes; pass++) {
    packBlocks(codebook, shape.codes, D, blocks);
    search<D, Q>(blocks, shape.codes, queries.data(), shape.samples, cluster.data());
    std::vector<double> sums((size_t)shape.codes * D);
    std::vector<int> counts(shape.codes);
    for (int s = 0; s < shape.samples; s++) {
      counts[cluster[s]]++;
      for (int k = 0; k < D; k++) sums[(size_t)cluster[s] * D + k] += queries[(size_t)s * D + k];
    }
    for (int c = 0; c < shape.codes; c++)
      for (int k = 0; k < D && counts[c]; k++) codebook[(size_t)c * D + k] = sums[(size_t)c * D + k] / counts[c];
  }
  free(blocks);
}

int main(int, char** argv) {
  const int threads = std::atoi(argv[1]);
  const Shape shape{std::atoi(argv[2]), std::atoi(argv[3]), std::atoi(argv[4]), std::atoi(argv[5]), std::atoi(argv[6])};
  if ((shape.dim != 4 && shape.dim != 8) || shape.samples % 4 || shape.codes % 16) return 2;
  std::vector<float> latents((size_t)shape.samples * shape.groups * shape.dim);
  std::vector<float> codebooks((size_t)shape.groups * shape.codes * shape.dim);
  FILE* in = fopen(argv[7], "rb");
  if (!in || fread(latents.data(), 4, latents.size(), in) != latents.size()) return 1;
  if (fread(codebooks.data(), 4, codebooks.size(), in) != codebooks.size()) return 1;
  fclose(in);
  const std::clock_t used = std::clock();
  const auto start = std::chrono::steady_clock::now();
  std::atomic<int> next{0};
  std::vector<std::thread> pool;
  for (int t = 0; t < threads; t++)
    pool.emplace_back([&] {
      for (int group; (group = next++) < shape.groups;) {
        float* codebook = codebooks.data() + (size_t)group * shape.codes * shape.dim;
        if (shape.dim == 4) fitGroup<4, 4>(shape, group, latents.data(), codebook);
        else fitGroup<8, 2>(shape, group, latents.data(), codebook);
      }
    });
  for (auto& thread : pool) thread.join();
  const double wall = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  printf("{\"seconds\": %.3f, \"cpuSeconds\": %.3f}\n", wall, double(std::clock() - used) / CLOCKS_PER_SEC);
  FILE* out = fopen(argv[8], "wb");
  if (!out || fwrite(codebooks.data(), 4, codebooks.size(), out) != codebooks.size()) return 1;
  return fclose(out);
}
