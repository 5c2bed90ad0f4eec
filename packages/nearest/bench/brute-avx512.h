// Brute-force search as a hand-written kernel does it: AVX-512, 16 codes a vector, distance and minimum fused, several queries to each
// load of the codes. The same with AVX2, 8 codes a vector, where the processor has no AVX-512. Not part of the library: compare.mjs and
// kmeans.mjs measure against it.
#pragma once
#include <immintrin.h>
#include <cmath>
#include <cstddef>

#ifdef __AVX512F__
constexpr int LANES = 16;
#else
constexpr int LANES = 8;
#endif

// [codes, dim] -> blocks [codes / LANES, dim, LANES]; codes is a multiple of 16, blocks are aligned to 64 bytes.
static void packBlocks(const float* from, int codes, int dim, float* blocks) {
  for (int c = 0; c < codes; c++)
    for (int k = 0; k < dim; k++) blocks[((size_t)(c / LANES) * dim + k) * LANES + c % LANES] = from[(size_t)c * dim + k];
}

// queries [n, D] -> out [n]; n is a multiple of Q.
#ifdef __AVX512F__
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
#else
template <int D, int Q>
static void search(const float* blocks, int codes, const float* queries, int n, int* out) {
  for (int i = 0; i < n; i += Q) {
    __m256 splat[Q][D], best[Q], where[Q];
    for (int a = 0; a < Q; a++) {
      for (int k = 0; k < D; k++) splat[a][k] = _mm256_set1_ps(queries[(i + a) * D + k]);
      best[a] = _mm256_set1_ps(INFINITY);
      where[a] = _mm256_setzero_ps();
    }
    __m256i id = _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7);
    for (int b = 0; b < codes / 8; b++) {
      const float* block = blocks + (size_t)b * 8 * D;
      __m256 sum[Q];
      for (int k = 0; k < D; k++) {
        const __m256 c = _mm256_load_ps(block + k * 8);
        for (int a = 0; a < Q; a++) {
          const __m256 t = _mm256_sub_ps(c, splat[a][k]);
          sum[a] = k ? _mm256_fmadd_ps(t, t, sum[a]) : _mm256_mul_ps(t, t);
        }
      }
      for (int a = 0; a < Q; a++) {
        const __m256 less = _mm256_cmp_ps(sum[a], best[a], _CMP_LT_OQ);
        best[a] = _mm256_min_ps(sum[a], best[a]);
        where[a] = _mm256_blendv_ps(where[a], _mm256_castsi256_ps(id), less);
      }
      id = _mm256_add_epi32(id, _mm256_set1_epi32(8));
    }
    for (int a = 0; a < Q; a++) {
      float distances[8];
      int ids[8];
      _mm256_storeu_ps(distances, best[a]);
      _mm256_storeu_si256((__m256i*)ids, _mm256_castps_si256(where[a]));
      int lane = 0;
      for (int k = 1; k < 8; k++)
        if (distances[k] < distances[lane] || (distances[k] == distances[lane] && ids[k] < ids[lane])) lane = k;
      out[i + a] = ids[lane];
    }
  }
}
#endif
