// What a hand-written brute force reaches, for compare.mjs: AVX-512, 16 codes a vector, distance and minimum fused, several queries
// to each load of the codes, threads over queries. Reads "n codes dim file" a line, answers the seconds of one run.
#include <immintrin.h>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <iostream>
#include <string>
#include <thread>
#include <vector>

template <int D, int Q>
static void search(const float* blocks, int codes, const float* queries, int n, int* out) {
  for (int i = 0; i < n; i += Q) {
    __m512 splat[Q][D], best[Q];
    __m512i where[Q];
    for (int a = 0; a < Q; a++) {
      for (int k = 0; k < D; k++) splat[a][k] = _mm512_set1_ps(queries[(i + a) * D + k]);
      best[a] = _mm512_set1_ps(INFINITY);
      where[a] = _mm512_setzero_si512();
    }
    __m512i id = _mm512_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
    for (int b = 0; b < codes / 16; b++) {
      const float* block = blocks + (size_t)b * 16 * D;
      __m512 sum[Q];
      for (int k = 0; k < D; k++) {
        const __m512 c = _mm512_load_ps(block + k * 16);
        for (int a = 0; a < Q; a++) {
          const __m512 t = _mm512_sub_ps(c, splat[a][k]);
          sum[a] = k ? _mm512_fmadd_ps(t, t, sum[a]) : _mm512_mul_ps(t, t);
        }
      }
      for (int a = 0; a < Q; a++) {
        const __mmask16 less = _mm512_cmp_ps_mask(sum[a], best[a], _CMP_LT_OQ);
        best[a] = _mm512_min_ps(sum[a], best[a]);
        where[a] = _mm512_mask_mov_epi32(where[a], less, id);
      }
      id = _mm512_add_epi32(id, _mm512_set1_epi32(16));
    }
    for (int a = 0; a < Q; a++) {
      float distances[16];
      int ids[16];
      _mm512_storeu_ps(distances, best[a]);
      _mm512_storeu_si512(ids, where[a]);
      int lane = 0;
      for (int k = 1; k < 16; k++)
        if (distances[k] < distances[lane] || (distances[k] == distances[lane] && ids[k] < ids[lane])) lane = k;
      out[i + a] = ids[lane];
    }
  }
}

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
      for (int c = 0; c < codes; c++)
        for (int k = 0; k < dim; k++) blocks[((size_t)(c / 16) * dim + k) * 16 + c % 16] = raw[((size_t)n + c) * dim + k];
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
