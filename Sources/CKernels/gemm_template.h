// C += alpha A B for one element type, after Goto and van de Geijn, "Anatomy of High-Performance
// Matrix Multiplication" (2008): B is packed in slabs of INNER_BLOCK rows for the outer cache, A in
// blocks of ROW_BLOCK rows for the L2 cache, and a register tile of TILE_ROWS x TILE_COLUMNS is
// accumulated. Packing reads through both strides, so transposed operands cost nothing more.

#define TILE_ROWS TACIT_TILE_ROWS
#define TILE_COLUMNS (2 * LANES)

// Packs a rows x inner block of A into panels of TILE_ROWS rows, the last one filled with zeros.
TACIT_INLINE void TYPED(pack_a)(const REAL *a, size_t row_stride, size_t column_stride, size_t rows,
                                size_t inner, REAL *out) {
  for (size_t i = 0; i < rows; i += TILE_ROWS) {
    size_t height = rows - i < TILE_ROWS ? rows - i : TILE_ROWS;
    for (size_t p = 0; p < inner; p++) {
      const REAL *source = a + i * row_stride + p * column_stride;
      for (size_t r = 0; r < TILE_ROWS; r++) out[r] = r < height ? source[r * row_stride] : 0;
      out += TILE_ROWS;
    }
  }
}

// Packs an inner x columns slab of B into panels of TILE_COLUMNS columns, the last one filled with
// zeros.
TACIT_INLINE void TYPED(pack_b)(const REAL *b, size_t row_stride, size_t column_stride,
                                size_t inner, size_t columns, REAL *out) {
  for (size_t j = 0; j < columns; j += TILE_COLUMNS) {
    size_t width = columns - j < TILE_COLUMNS ? columns - j : TILE_COLUMNS;
    for (size_t p = 0; p < inner; p++) {
      const REAL *source = b + p * row_stride + j * column_stride;
      if (width == TILE_COLUMNS && column_stride == 1) {
        STORE(out, LOAD(source));
        STORE(out + LANES, LOAD(source + LANES));
      } else {
        for (size_t r = 0; r < TILE_COLUMNS; r++)
          out[r] = r < width ? source[r * column_stride] : 0;
      }
      out += TILE_COLUMNS;
    }
  }
}

// tile = sum over p < inner of (column p of a panel of A) x (row p of a panel of B).
TACIT_INLINE void TYPED(multiply_tile)(size_t inner, const REAL *a, const REAL *b,
                                       VEC tile[TILE_ROWS][2]) {
  VEC sums[TILE_ROWS][2] = {{{0}}};
  for (size_t p = 0; p < inner; p++) {
    VEC b0 = LOAD(b), b1 = LOAD(b + LANES);
#pragma clang loop unroll(full)
    for (int r = 0; r < TILE_ROWS; r++) {
      VEC factor = (VEC){0} + a[r];
      sums[r][0] = TACIT_MULTIPLY_ADD(factor, b0, sums[r][0]);
      sums[r][1] = TACIT_MULTIPLY_ADD(factor, b1, sums[r][1]);
    }
    a += TILE_ROWS;
    b += TILE_COLUMNS;
  }
#pragma clang loop unroll(full)
  for (int r = 0; r < TILE_ROWS; r++) {
    tile[r][0] = sums[r][0];
    tile[r][1] = sums[r][1];
  }
}

// Adds alpha * tile to C at (row, column), within the edges and, for lower_only, on or below the
// diagonal.
TACIT_INLINE void TYPED(add_tile)(const tacit_gemm_shape *shape, size_t row, size_t column,
                                  REAL alpha, const VEC tile[TILE_ROWS][2], REAL *c) {
  size_t height = shape->rows - row < TILE_ROWS ? shape->rows - row : TILE_ROWS;
  size_t width = shape->columns - column < TILE_COLUMNS ? shape->columns - column : TILE_COLUMNS;
  int whole = width == TILE_COLUMNS && (!shape->lower_only || column + TILE_COLUMNS <= row + 1);
  VEC factor = (VEC){0} + alpha;
  for (size_t r = 0; r < height; r++) {
    REAL *target = c + (row + r) * shape->c_row + column;
    if (whole) {
      STORE(target, TACIT_MULTIPLY_ADD(factor, tile[r][0], LOAD(target)));
      STORE(target + LANES, TACIT_MULTIPLY_ADD(factor, tile[r][1], LOAD(target + LANES)));
      continue;
    }
    for (size_t j = 0; j < width; j++) {
      if (shape->lower_only && column + j > row + r) break;
      REAL element = j < LANES ? tile[r][0][j] : tile[r][1][j - LANES];
      target[j] += alpha * element;
    }
  }
}

TACIT_TARGET void TACIT_SYMBOL(TYPED(tacit_gemm))(const tacit_gemm_shape *shape, REAL alpha,
                                                   const REAL *a, const REAL *b, REAL *c,
                                                   REAL *workspace) {
  REAL *packed_a = workspace;
  REAL *packed_b = workspace + tacit_packed_a_count(shape);
  for (size_t jc = 0; jc < shape->columns; jc += TACIT_COLUMN_BLOCK) {
    size_t columns = tacit_min(shape->columns - jc, TACIT_COLUMN_BLOCK);
    for (size_t pc = 0; pc < shape->inner; pc += TACIT_INNER_BLOCK) {
      size_t inner = tacit_min(shape->inner - pc, TACIT_INNER_BLOCK);
      TYPED(pack_b)(b + pc * shape->b_row + jc * shape->b_column, shape->b_row, shape->b_column,
                    inner, columns, packed_b);
      for (size_t ic = 0; ic < shape->rows; ic += TACIT_ROW_BLOCK) {
        size_t rows = tacit_min(shape->rows - ic, TACIT_ROW_BLOCK);
        if (shape->lower_only && ic + rows <= jc) continue;
        TYPED(pack_a)(a + ic * shape->a_row + pc * shape->a_column, shape->a_row, shape->a_column,
                      rows, inner, packed_a);
        for (size_t j = 0; j < columns; j += TILE_COLUMNS) {
          for (size_t i = 0; i < rows; i += TILE_ROWS) {
            if (shape->lower_only && ic + i + TILE_ROWS <= jc + j) continue;
            VEC tile[TILE_ROWS][2];
            TYPED(multiply_tile)(inner, packed_a + i * inner, packed_b + j * inner, tile);
            TYPED(add_tile)(shape, ic + i, jc + j, alpha, (const VEC(*)[2])tile, c);
          }
        }
      }
    }
  }
}

#undef TILE_ROWS
#undef TILE_COLUMNS
#undef VEC
#undef LOAD
#undef STORE
