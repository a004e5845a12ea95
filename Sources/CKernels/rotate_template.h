// Plane rotations on the rows of a matrix, a strip of columns at a time so that the strip of all
// rows stays in the L2 cache over many sweeps; the row that two neighbouring rotations share stays
// in registers.

#define STRIP_VECTORS 4

TACIT_TARGET void TACIT_SYMBOL(tacit_rotate_rows_f64)(
    double *z, size_t stride, size_t columns, const tacit_sweep *sweeps, size_t sweep_count,
    const double *cosines, const double *sines) {
  const size_t strip = STRIP_VECTORS * 4;
  size_t column = 0;
  for (; column + strip <= columns; column += strip) {
    for (size_t k = 0; k < sweep_count; k++) {
      const double *c = cosines + sweeps[k].offset, *s = sines + sweeps[k].offset;
      double *row = z + (sweeps[k].first + sweeps[k].count) * stride + column;
      vec_f64 shared[STRIP_VECTORS];
#pragma clang loop unroll(full)
      for (int v = 0; v < STRIP_VECTORS; v++) shared[v] = *(const loose_f64 *)(row + 4 * v);
      for (size_t t = 0; t < sweeps[k].count; t++) {
        vec_f64 cosine = (vec_f64){0} + c[t], sine = (vec_f64){0} + s[t];
        double *above = row - stride;
#pragma clang loop unroll(full)
        for (int v = 0; v < STRIP_VECTORS; v++) {
          vec_f64 upper = *(const loose_f64 *)(above + 4 * v);
          *(loose_f64 *)(row + 4 * v) = TACIT_MULTIPLY_ADD(cosine, shared[v], sine * upper);
          shared[v] = TACIT_MULTIPLY_ADD(cosine, upper, -(sine * shared[v]));
        }
        row = above;
      }
#pragma clang loop unroll(full)
      for (int v = 0; v < STRIP_VECTORS; v++) *(loose_f64 *)(row + 4 * v) = shared[v];
    }
  }
  for (; column < columns; column++) {
    for (size_t k = 0; k < sweep_count; k++) {
      double *row = z + (sweeps[k].first + sweeps[k].count) * stride + column;
      for (size_t t = 0; t < sweeps[k].count; t++, row -= stride) {
        double c = cosines[sweeps[k].offset + t], s = sines[sweeps[k].offset + t];
        double lower = row[0], upper = *(row - stride);
        row[0] = c * lower + s * upper;
        *(row - stride) = c * upper - s * lower;
      }
    }
  }
}

#undef STRIP_VECTORS
