// dot, axpy and gemv for one element type REAL with LANES elements in 32 bytes.

typedef REAL TYPED(vec) __attribute__((vector_size(32)));
// The same, at any address: matrices have rows of any length.
typedef REAL TYPED(loose) __attribute__((vector_size(32), aligned(sizeof(REAL)), may_alias));

#define VEC TYPED(vec)
#define LOAD(p) ((VEC) * (const TYPED(loose) *)(p))
#define STORE(p, v) (*(TYPED(loose) *)(p) = (v))

// Adds the lanes pairwise.
TACIT_INLINE REAL TYPED(sum_of_lanes)(const VEC *v) {
  REAL sums[LANES];
  for (int lane = 0; lane < LANES; lane++) sums[lane] = (*v)[lane];
  for (int width = LANES / 2; width > 0; width /= 2)
    for (int lane = 0; lane < width; lane++) sums[lane] += sums[lane + width];
  return sums[0];
}

TACIT_TARGET REAL TACIT_SYMBOL(TYPED(tacit_dot))(const REAL *x, const REAL *y, size_t n) {
  VEC sum0 = {0}, sum1 = {0}, sum2 = {0}, sum3 = {0};
  size_t i = 0;
  for (; i + 4 * LANES <= n; i += 4 * LANES) {
    sum0 = TACIT_MULTIPLY_ADD(LOAD(x + i), LOAD(y + i), sum0);
    sum1 = TACIT_MULTIPLY_ADD(LOAD(x + i + LANES), LOAD(y + i + LANES), sum1);
    sum2 = TACIT_MULTIPLY_ADD(LOAD(x + i + 2 * LANES), LOAD(y + i + 2 * LANES), sum2);
    sum3 = TACIT_MULTIPLY_ADD(LOAD(x + i + 3 * LANES), LOAD(y + i + 3 * LANES), sum3);
  }
  for (; i + LANES <= n; i += LANES) sum0 = TACIT_MULTIPLY_ADD(LOAD(x + i), LOAD(y + i), sum0);
  VEC sum = (sum0 + sum1) + (sum2 + sum3);
  REAL total = TYPED(sum_of_lanes)(&sum);
  for (; i < n; i++) total += x[i] * y[i];
  return total;
}

TACIT_TARGET void TACIT_SYMBOL(TYPED(tacit_axpy))(REAL a, const REAL *x, REAL *y, size_t n) {
  VEC factor = (VEC){0} + a;
  size_t i = 0;
  for (; i + 2 * LANES <= n; i += 2 * LANES) {
    STORE(y + i, TACIT_MULTIPLY_ADD(factor, LOAD(x + i), LOAD(y + i)));
    STORE(y + i + LANES, TACIT_MULTIPLY_ADD(factor, LOAD(x + i + LANES), LOAD(y + i + LANES)));
  }
  for (; i < n; i++) y[i] += a * x[i];
}

// Four rows at a time share each load of x.
TACIT_TARGET void TACIT_SYMBOL(TYPED(tacit_gemv))(const REAL *a, size_t stride, size_t rows,
                                                   size_t columns, const REAL *x, REAL *y) {
  size_t row = 0;
  for (; row + 4 <= rows; row += 4) {
    const REAL *a0 = a + row * stride, *a1 = a0 + stride, *a2 = a1 + stride, *a3 = a2 + stride;
    VEC sums[4][2] = {{{0}}};
    size_t i = 0;
    for (; i + 2 * LANES <= columns; i += 2 * LANES) {
      VEC x0 = LOAD(x + i), x1 = LOAD(x + i + LANES);
      sums[0][0] = TACIT_MULTIPLY_ADD(LOAD(a0 + i), x0, sums[0][0]);
      sums[1][0] = TACIT_MULTIPLY_ADD(LOAD(a1 + i), x0, sums[1][0]);
      sums[2][0] = TACIT_MULTIPLY_ADD(LOAD(a2 + i), x0, sums[2][0]);
      sums[3][0] = TACIT_MULTIPLY_ADD(LOAD(a3 + i), x0, sums[3][0]);
      sums[0][1] = TACIT_MULTIPLY_ADD(LOAD(a0 + i + LANES), x1, sums[0][1]);
      sums[1][1] = TACIT_MULTIPLY_ADD(LOAD(a1 + i + LANES), x1, sums[1][1]);
      sums[2][1] = TACIT_MULTIPLY_ADD(LOAD(a2 + i + LANES), x1, sums[2][1]);
      sums[3][1] = TACIT_MULTIPLY_ADD(LOAD(a3 + i + LANES), x1, sums[3][1]);
    }
    const REAL *ends[4] = {a0, a1, a2, a3};
    for (int r = 0; r < 4; r++) {
      VEC sum = sums[r][0] + sums[r][1];
      REAL total = TYPED(sum_of_lanes)(&sum);
      for (size_t j = i; j < columns; j++) total += ends[r][j] * x[j];
      y[row + (size_t)r] = total;
    }
  }
  for (; row < rows; row++)
    y[row] = TACIT_SYMBOL(TYPED(tacit_dot))(a + row * stride, x, columns);
}
