// One code path: the kernels for float and double, compiled for TACIT_TARGET.
//
// Vectors are 32 bytes in the source on every path; a target with narrower registers splits them,
// so the order of each sum is the same everywhere.
#include "kernels_internal.h"

// The sum order is part of the result: no contraction but the one that TACIT_FUSED states.
#pragma STDC FP_CONTRACT OFF

#if TACIT_FUSED
#define TACIT_MULTIPLY_ADD(a, b, c) __builtin_elementwise_fma((a), (b), (c))
#else
#define TACIT_MULTIPLY_ADD(a, b, c) ((a) * (b) + (c))
#endif

// The name of this path's function; two steps, so that the argument is expanded before it is
// pasted.
#define TACIT_PASTE(name, suffix) name##suffix
#define TACIT_PASTE_EXPANDED(name, suffix) TACIT_PASTE(name, suffix)
#define TACIT_SYMBOL(name) TACIT_PASTE_EXPANDED(name, TACIT_SUFFIX)

#define TACIT_INLINE static inline __attribute__((always_inline)) TACIT_TARGET

#define REAL float
#define LANES 8
#define TYPED(name) name##_f32
#include "vector_template.h"
#include "gemm_template.h"
#undef REAL
#undef LANES
#undef TYPED

#define REAL double
#define LANES 4
#define TYPED(name) name##_f64
#include "vector_template.h"
#include "gemm_template.h"
#include "rotate_template.h"

// Squares of floats are exact in double, so only the sums round.
TACIT_TARGET double TACIT_SYMBOL(tacit_sum_of_squares_f32)(const float *x, size_t n) {
  typedef float floats __attribute__((vector_size(16), aligned(4), may_alias));
  typedef double doubles __attribute__((vector_size(32)));
  doubles sum0 = {0}, sum1 = {0}, sum2 = {0}, sum3 = {0};
  size_t i = 0;
  for (; i + 16 <= n; i += 16) {
    doubles x0 = __builtin_convertvector(*(const floats *)(x + i), doubles);
    doubles x1 = __builtin_convertvector(*(const floats *)(x + i + 4), doubles);
    doubles x2 = __builtin_convertvector(*(const floats *)(x + i + 8), doubles);
    doubles x3 = __builtin_convertvector(*(const floats *)(x + i + 12), doubles);
    sum0 += x0 * x0;
    sum1 += x1 * x1;
    sum2 += x2 * x2;
    sum3 += x3 * x3;
  }
  doubles sum = (sum0 + sum1) + (sum2 + sum3);
  double total = (sum[0] + sum[1]) + (sum[2] + sum[3]);
  for (; i < n; i++) total += (double)x[i] * (double)x[i];
  return total;
}
