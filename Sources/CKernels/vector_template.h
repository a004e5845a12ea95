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

// Adds the lanes of four vectors, each pairwise in the order of sum_of_lanes.
TACIT_INLINE void TYPED(sums_of_lanes)(const VEC *v, REAL *sums) {
  typedef REAL half __attribute__((vector_size(16)));
#if LANES == 8
#define LOW(x) __builtin_shufflevector((x), (x), 0, 1, 2, 3)
#define HIGH(x) __builtin_shufflevector((x), (x), 4, 5, 6, 7)
  half row0 = LOW(v[0]) + HIGH(v[0]), row1 = LOW(v[1]) + HIGH(v[1]);
  half row2 = LOW(v[2]) + HIGH(v[2]), row3 = LOW(v[3]) + HIGH(v[3]);
  half rows01 = __builtin_shufflevector(row0, row1, 0, 1, 4, 5) +
                __builtin_shufflevector(row0, row1, 2, 3, 6, 7);
  half rows23 = __builtin_shufflevector(row2, row3, 0, 1, 4, 5) +
                __builtin_shufflevector(row2, row3, 2, 3, 6, 7);
  half total = __builtin_shufflevector(rows01, rows23, 0, 2, 4, 6) +
               __builtin_shufflevector(rows01, rows23, 1, 3, 5, 7);
  for (int row = 0; row < 4; row++) sums[row] = total[row];
#else
#define LOW(x) __builtin_shufflevector((x), (x), 0, 1)
#define HIGH(x) __builtin_shufflevector((x), (x), 2, 3)
  for (int row = 0; row < 4; row++) {
    half pair = LOW(v[row]) + HIGH(v[row]);
    sums[row] = pair[0] + pair[1];
  }
#endif
#undef LOW
#undef HIGH
}

// Row after row, as memory has them, 4 KiB ahead of the loads: a matrix of millions of rows is read as fast as memory is.
// The sums of four rows are finished together.
TACIT_TARGET void TACIT_SYMBOL(TYPED(tacit_gemv))(const REAL *a, size_t stride, size_t rows,
                                                   size_t columns, const REAL *x, REAL *y) {
  const size_t ahead = 4096 / sizeof(REAL);
  size_t row = 0;
  for (; row + 4 <= rows; row += 4) {
    VEC sums[4];
    size_t end = 0;
    for (size_t r = 0; r < 4; r++) {
      const REAL *values = a + (row + r) * stride;
      VEC sum0 = {0}, sum1 = {0};
      size_t i = 0;
      for (; i + 2 * LANES <= columns; i += 2 * LANES) {
        __builtin_prefetch(values + i + ahead);
        sum0 = TACIT_MULTIPLY_ADD(LOAD(values + i), LOAD(x + i), sum0);
        sum1 = TACIT_MULTIPLY_ADD(LOAD(values + i + LANES), LOAD(x + i + LANES), sum1);
      }
      sums[r] = sum0 + sum1;
      end = i;
    }
    TYPED(sums_of_lanes)(sums, y + row);
    for (size_t r = 0; r < 4; r++)
      for (size_t i = end; i < columns; i++) y[row + r] += a[(row + r) * stride + i] * x[i];
  }
  for (; row < rows; row++)
    y[row] = TACIT_SYMBOL(TYPED(tacit_dot))(a + row * stride, x, columns);
}
