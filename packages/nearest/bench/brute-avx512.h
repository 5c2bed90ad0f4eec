// Brute-force search as a hand-written kernel does it: AVX-512, 16 codes a vector, distance and minimum fused, several queries to each
// load of the codes. Not part of the library: compare.mjs and kmeans.mjs measure against it.
#pragma once
#include <immintrin.h>
#include <cmath>
#include <cstddef>

// [codes, dim] -> blocks [codes / 16, dim, 16]; codes is a multiple of 16, blocks are aligned to 64 bytes.
static void packBlocks(const float* from, int codes, int dim, float* blocks) {
  for (int c = 0; c < codes; c++)
    for (int k = 0; k < dim; k++) blocks[((size_t)(c / 16) * dim + k) * 16 + c % 16] = from[(size_t)c * dim + k];
}

// queries [n, D] -> out [n]; n is a multiple of Q.
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
