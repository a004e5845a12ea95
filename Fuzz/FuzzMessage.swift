internal import WireProtocol

/// Feeds libFuzzer's inputs to the decoder of frame payloads.
///
/// `swift build` links this program only with `FUZZ=1`; `README.md` here says how to run it.
@main
enum FuzzMessage {
  static func main() {
    var count = CommandLine.argc
    var arguments = CommandLine.unsafeArgv
    _ = runDriver(&count, &arguments, fuzzOneInput)
  }
}

/// What must hold for any bytes: they are refused, or they are the one spelling of a message.
///
/// - Parameters:
///   - start: `count` bytes; may be nil when `count` is 0.
/// - Returns: 0, as libFuzzer asks for.
@_cdecl("LLVMFuzzerTestOneInput")
func fuzzOneInput(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
  let payload = Array(UnsafeBufferPointer(start: start, count: count))
  guard let message = try? Message(decoding: payload) else {
    // Refusing is always right; which bytes are refused is the business of the unit tests.
    return 0
  }
  precondition(message.encoded() == payload, "a message has two spellings")
  return 0
}

/// libFuzzer's own main. SwiftPM renames `main`, so that the one in its runtime is not found.
@_silgen_name("LLVMFuzzerRunDriver")
private func runDriver(
  _ count: UnsafeMutablePointer<CInt>,
  _ arguments: UnsafeMutablePointer<UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>>,
  _ callback: @convention(c) (UnsafePointer<UInt8>?, Int) -> CInt
) -> CInt
