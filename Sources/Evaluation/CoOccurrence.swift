internal import Recommendation
internal import VectorMath

/// X'X of a 0/1 matrix of customers and items, and the columns of that matrix.
enum CoOccurrence {
  /// Entry (i, j) is the number of customers who have both; the diagonal counts each item's.
  static func matrix(histories: [CustomerHistory], itemCount: Int) -> DoubleMatrix {
    var matrix = DoubleMatrix(rows: itemCount, columns: itemCount)
    for history in histories {
      let items = history.rows.map(\.item)
      for row in items {
        for column in items { matrix[row, column] += 1 }
      }
    }
    return matrix
  }

  /// For each item the customers who have it, ascending: indices into `histories`.
  static func customers(histories: [CustomerHistory], itemCount: Int) -> [[Int]] {
    var customers = [[Int]](repeating: [], count: itemCount)
    for (customer, history) in histories.enumerated() {
      for row in history.rows { customers[row.item].append(customer) }
    }
    return customers
  }
}
