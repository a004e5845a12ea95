// Reductions, matrix products and plane rotations that Swift cannot vectorise (strict float order).
//
// Every function takes the code path to run, allocates nothing, keeps no state and reads or writes
// only the ranges stated. Both paths sum in the same order, fixed by the lengths alone; they differ
// only in that AVX2 rounds each multiply-add once, so a result is reproducible for one path.
#ifndef TACIT_KERNELS_H
#define TACIT_KERNELS_H

#include <stddef.h>

typedef enum {
  TACIT_PATH_BASELINE = 0,  // whatever the compiler targets by default
  TACIT_PATH_AVX2_FMA = 1,  // x86-64 with AVX2 and FMA; calling it elsewhere traps
} tacit_path;

// The fastest path that this processor can run.
tacit_path tacit_fastest_path(void);

// Sum over i < n of x[i] * y[i].
float tacit_dot_f32(tacit_path path, const float *x, const float *y, size_t n);
double tacit_dot_f64(tacit_path path, const double *x, const double *y, size_t n);

// Sum over i < n of x[i]^2, each square exact in double. Finite exactly when every x[i] is finite.
double tacit_sum_of_squares_f32(tacit_path path, const float *x, size_t n);

// y[i] += a * x[i] for i < n. x and y do not overlap.
void tacit_axpy_f32(tacit_path path, float a, const float *x, float *y, size_t n);
void tacit_axpy_f64(tacit_path path, double a, const double *x, double *y, size_t n);

// y = A x: A has `rows` rows of `columns` elements, row i starting at a + i * stride.
void tacit_gemv_f32(tacit_path path, const float *a, size_t stride, size_t rows, size_t columns,
                    const float *x, float *y);
void tacit_gemv_f64(tacit_path path, const double *a, size_t stride, size_t rows, size_t columns,
                    const double *x, double *y);

// The shape of C += alpha A B. Element (i, j) of A is a[i * a_row + j * a_column], of B likewise;
// element (i, j) of C is c[i * c_row + j].
typedef struct {
  size_t rows;     // of A and C
  size_t columns;  // of B and C
  size_t inner;    // columns of A, rows of B
  size_t a_row, a_column, b_row, b_column, c_row;
  int lower_only;  // nonzero: touch only elements of C with j <= i
} tacit_gemm_shape;

// Elements of workspace that tacit_gemm_* needs for this shape.
size_t tacit_gemm_workspace_f32(const tacit_gemm_shape *shape);
size_t tacit_gemm_workspace_f64(const tacit_gemm_shape *shape);

// C += alpha A B, blocked for the caches. c and workspace overlap nothing.
void tacit_gemm_f32(tacit_path path, const tacit_gemm_shape *shape, float alpha, const float *a,
                    const float *b, float *c, float *workspace);
void tacit_gemm_f64(tacit_path path, const tacit_gemm_shape *shape, double alpha, const double *a,
                    const double *b, double *c, double *workspace);

// One pass of plane rotations over rows first + count, ..., first of a row-major matrix: for
// t = 0 ..< count and i = first + count - 1 - t, rows (i, i + 1) become
// (c z_i - s z_{i+1}, s z_i + c z_{i+1}) with c = cosines[offset + t], s = sines[offset + t].
typedef struct {
  size_t first, count, offset;
} tacit_sweep;

// Applies the sweeps in order to `columns` columns of z, row i starting at z + i * stride.
void tacit_rotate_rows_f64(tacit_path path, double *z, size_t stride, size_t columns,
                           const tacit_sweep *sweeps, size_t sweep_count, const double *cosines,
                           const double *sines);

#endif
