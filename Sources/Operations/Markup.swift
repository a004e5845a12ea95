/// Text inside HTML and SVG.
package enum Markup {
  /// `text` as character data or as an attribute value between double quotes. Control characters,
  /// which XML forbids, become blanks.
  package static func escaped(_ text: String) -> String {
    var result = ""
    for scalar in text.unicodeScalars {
      switch scalar {
      case "&": result += "&amp;"
      case "<": result += "&lt;"
      case ">": result += "&gt;"
      case "\"": result += "&quot;"
      case "'": result += "&#39;"
      default:
        let isForbidden =
          scalar.properties.generalCategory == .control || scalar.value & 0xFFFE == 0xFFFE
        result.unicodeScalars.append(isForbidden ? " " : scalar)
      }
    }
    return result
  }
}
