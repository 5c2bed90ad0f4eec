// What a hand-written brute force reaches, for compare.mjs: the search of brute-avx512.h, threads over queries. Reads "n codes dim file"
// a line, answers the seconds of one run.
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <iostream>
#include <string>
#include <thread>
#include <vector>
#include "brute-avx512.h"

template <int D, int Q>
static void run(const float* blocks, int codes, const float* queries, int n, int* out, int threads) {
  std::vector<std::thread> pool;
  const int step = n / threads / Q * Q;
  for (int t = 0; t < threads; t++) {
    const int first = t * step, count = t == threads - 1 ? n - first : step;
    pool.emplace_back([=] { search<D, Q>(blocks, codes, queries + (size_t)first * D, count, out + first); });
  }
  for (auto& thread : pool) thread.join();
}

int main(int, char** argv) {
  const int threads = std::atoi(argv[1]);
  puts("\"ready\"");
  fflush(stdout);
  int n, codes, dim;
  std::string file, last;
  std::vector<float> raw;
  std::vector<int> out;
  float* blocks = nullptr;
  while (std::cin >> n >> codes >> dim >> file) {
    if (file != last) {
      raw.resize((size_t)(n + codes) * dim);
      FILE* in = fopen(file.c_str(), "rb");
      if (fread(raw.data(), 4, raw.size(), in) != raw.size()) return 1;
      fclose(in);
      free(blocks);
      blocks = (float*)aligned_alloc(64, (size_t)codes * dim * 4);
      packBlocks(raw.data() + (size_t)n * dim, codes, dim, blocks);
      out.resize(n);
      last = file;
    }
    const auto start = std::chrono::steady_clock::now();
    bool known = true;
    if (dim == 4) run<4, 4>(blocks, codes, raw.data(), n, out.data(), threads);
    else if (dim == 8) run<8, 2>(blocks, codes, raw.data(), n, out.data(), threads);
    else known = false;
    const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    if (known) printf("%.9f\n", seconds);
    else puts("null");
    fflush(stdout);
  }
}
