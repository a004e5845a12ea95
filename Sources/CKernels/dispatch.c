// Chooses a code path in plain functions: no ifunc, whose resolver crashes under the thread
// sanitizer.
#include "kernels_internal.h"

tacit_path tacit_fastest_path(void) {
#if defined(__x86_64__)
  __builtin_cpu_init();
  if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) return TACIT_PATH_AVX2_FMA;
#endif
  return TACIT_PATH_BASELINE;
}

#if defined(__x86_64__)
#define TACIT_CALL(path, name, ...)                                                                \
  ((path) == TACIT_PATH_AVX2_FMA ? name##_avx2(__VA_ARGS__) : name##_baseline(__VA_ARGS__))
#else
#define TACIT_CALL(path, name, ...) ((void)(path), name##_baseline(__VA_ARGS__))
#endif

#define TACIT_DEFINE_TYPED(type, real, tile_columns)                                               \
  real tacit_dot_##type(tacit_path path, const real *x, const real *y, size_t n) {                 \
    return TACIT_CALL(path, tacit_dot_##type, x, y, n);                                            \
  }                                                                                                \
  void tacit_axpy_##type(tacit_path path, real a, const real *x, real *y, size_t n) {              \
    TACIT_CALL(path, tacit_axpy_##type, a, x, y, n);                                               \
  }                                                                                                \
  void tacit_gemv_##type(tacit_path path, const real *a, size_t stride, size_t rows,               \
                         size_t columns, const real *x, real *y) {                                 \
    TACIT_CALL(path, tacit_gemv_##type, a, stride, rows, columns, x, y);                           \
  }                                                                                                \
  size_t tacit_gemm_workspace_##type(const tacit_gemm_shape *shape) {                              \
    return tacit_packed_a_count(shape) +                                                           \
           tacit_round_up(tacit_min(shape->columns, TACIT_COLUMN_BLOCK), tile_columns) *           \
               tacit_min(shape->inner, TACIT_INNER_BLOCK);                                         \
  }                                                                                                \
  void tacit_gemm_##type(tacit_path path, const tacit_gemm_shape *shape, real alpha,               \
                         const real *a, const real *b, real *c, real *workspace) {                 \
    TACIT_CALL(path, tacit_gemm_##type, shape, alpha, a, b, c, workspace);                         \
  }

// A register tile is two 32-byte vectors wide.
TACIT_DEFINE_TYPED(f32, float, 16)
TACIT_DEFINE_TYPED(f64, double, 8)

double tacit_sum_of_squares_f32(tacit_path path, const float *x, size_t n) {
  return TACIT_CALL(path, tacit_sum_of_squares_f32, x, n);
}

void tacit_rotate_rows_f64(tacit_path path, double *z, size_t stride, size_t columns,
                           const tacit_sweep *sweeps, size_t sweep_count, const double *cosines,
                           const double *sines) {
  TACIT_CALL(path, tacit_rotate_rows_f64, z, stride, columns, sweeps, sweep_count, cosines, sines);
}
