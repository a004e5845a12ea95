// What the code paths share: block sizes, and the names of each path's functions.
#ifndef TACIT_KERNELS_INTERNAL_H
#define TACIT_KERNELS_INTERNAL_H

#include "tacit_kernels.h"

// A register tile of 6 rows by 2 vectors needs 12 of the 16 AVX registers.
#define TACIT_TILE_ROWS 6
// Doubles: a block of A is 72 x 256 x 8 = 147 kB (L2), a slab of B 256 x 1024 x 8 = 2 MB (L3).
#define TACIT_ROW_BLOCK 72
#define TACIT_INNER_BLOCK 256
#define TACIT_COLUMN_BLOCK 1024

static inline size_t tacit_min(size_t a, size_t b) { return a < b ? a : b; }

static inline size_t tacit_round_up(size_t count, size_t multiple) {
  return (count + multiple - 1) / multiple * multiple;
}

static inline size_t tacit_packed_a_count(const tacit_gemm_shape *shape) {
  return tacit_round_up(tacit_min(shape->rows, TACIT_ROW_BLOCK), TACIT_TILE_ROWS) *
         tacit_min(shape->inner, TACIT_INNER_BLOCK);
}

#define TACIT_DECLARE_TYPED(suffix, type, real)                                                    \
  real tacit_dot_##type##suffix(const real *x, const real *y, size_t n);                           \
  void tacit_axpy_##type##suffix(real a, const real *x, real *y, size_t n);                        \
  void tacit_gemv_##type##suffix(const real *a, size_t stride, size_t rows, size_t columns,        \
                                 const real *x, real *y);                                          \
  void tacit_gemm_##type##suffix(const tacit_gemm_shape *shape, real alpha, const real *a,         \
                                 const real *b, real *c, real *workspace);

#define TACIT_DECLARE_PATH(suffix)                                                                 \
  TACIT_DECLARE_TYPED(suffix, f32, float)                                                          \
  TACIT_DECLARE_TYPED(suffix, f64, double)                                                         \
  double tacit_sum_of_squares_f32##suffix(const float *x, size_t n);                               \
  void tacit_rotate_rows_f64##suffix(double *z, size_t stride, size_t columns,                     \
                                     const tacit_sweep *sweeps, size_t sweep_count,                \
                                     const double *cosines, const double *sines);

TACIT_DECLARE_PATH(_baseline)
#if defined(__x86_64__)
TACIT_DECLARE_PATH(_avx2)
#endif

#endif
