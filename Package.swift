// swift-tools-version: 6.3

import PackageDescription

let strict: [SwiftSetting] = [
  .enableUpcomingFeature("ExistentialAny"),
  .enableUpcomingFeature("InternalImportsByDefault"),
  .enableUpcomingFeature("MemberImportVisibility"),
  .treatAllWarnings(as: .error),
]

// In a module graph with SwiftNIO, `sockaddr_in` belongs to a C module of its own that is no product.
let strictWithoutMemberVisibility: [SwiftSetting] = [
  .enableUpcomingFeature("ExistentialAny"),
  .enableUpcomingFeature("InternalImportsByDefault"),
  .treatAllWarnings(as: .error),
]

// `FUZZ=1 swift build -c release --product FuzzMessage --scratch-path .build-fuzz`: see Fuzz/README.md.
let fuzzing = Context.environment["FUZZ"] != nil
let coverage: [SwiftSetting] = fuzzing ? [.unsafeFlags(["-sanitize=fuzzer"])] : []

let nio: [Target.Dependency] = [
  .product(name: "NIOCore", package: "swift-nio"),
  .product(name: "NIOPosix", package: "swift-nio"),
]
let argumentParser = Target.Dependency.product(
  name: "ArgumentParser", package: "swift-argument-parser")
let grdb = Target.Dependency.product(name: "GRDB", package: "GRDB.swift")

let package = Package(
  name: "tacit",
  dependencies: [
    .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
    .package(url: "https://github.com/apple/swift-nio", from: "2.101.2"),
    .package(url: "https://github.com/groue/GRDB.swift", from: "7.10.0"),
  ],
  targets: [
    // System libraries and C.
    .systemLibrary(
      name: "CSodium", path: "Sources/CSodium", pkgConfig: "libsodium",
      providers: [.apt(["libsodium-dev"])]),
    .systemLibrary(
      name: "COpenSSL", path: "Sources/COpenSSL", pkgConfig: "openssl",
      providers: [.apt(["libssl-dev"])]),
    .target(name: "CKernels", path: "Sources/CKernels"),

    // Pure core: no sockets, files, clocks or ambient randomness.
    .target(name: "VectorMath", dependencies: ["CKernels"], swiftSettings: strict),
    .target(name: "CanonicalJSON", swiftSettings: strict),
    .target(name: "Privacy", dependencies: ["CanonicalJSON"], swiftSettings: strict),
    .target(name: "Cryptography", dependencies: ["CSodium", "COpenSSL"], swiftSettings: strict),
    .target(
      name: "SecureAggregation", dependencies: ["Cryptography", "Privacy", "VectorMath"],
      swiftSettings: strict),
    .target(
      name: "Ledger", dependencies: ["CanonicalJSON", "Privacy", "Cryptography"],
      swiftSettings: strict),
    .target(
      name: "WireProtocol",
      dependencies: ["SecureAggregation", "Cryptography", "Privacy", "CanonicalJSON", "Ledger"],
      path: "protocol", exclude: ["SPEC.md"], swiftSettings: strict + coverage),
    .target(
      name: "Recommendation", dependencies: ["VectorMath", "CanonicalJSON"], swiftSettings: strict),
    .target(
      name: "Federation",
      dependencies: [
        "WireProtocol", "Ledger", "Privacy", "Recommendation", "SecureAggregation", "Cryptography",
        "CanonicalJSON", "VectorMath",
      ], swiftSettings: strict),

    // Shell: touches the world.
    .target(name: "DelimitedText", swiftSettings: strict),
    .target(
      name: "LedgerStore", dependencies: ["Federation", "WireProtocol", "Ledger", "Cryptography"],
      swiftSettings: strict),
    .target(
      name: "BehaviorStore",
      dependencies: ["CanonicalJSON", "Cryptography", "Recommendation", grdb],
      swiftSettings: strict),
    .target(name: "Transport", dependencies: ["COpenSSL"] + nio, swiftSettings: strict),
    .target(
      name: "Operations", dependencies: ["Cryptography", "Recommendation", argumentParser],
      swiftSettings: strict),
    .target(
      name: "Simulation",
      dependencies: [
        "Federation", "WireProtocol", "Ledger", "Privacy", "Recommendation", "SecureAggregation",
        "Cryptography", "CanonicalJSON", "VectorMath",
      ], swiftSettings: strict),
    // Linked by tests only: it replaces the entropy of the process.
    .target(
      name: "FaultSimulation",
      dependencies: [
        "Simulation", "LedgerStore", "Federation", "WireProtocol", "Ledger", "Privacy",
        "Recommendation", "SecureAggregation", "Cryptography", "CanonicalJSON", "VectorMath",
        "CSodium",
      ], swiftSettings: strict),
    .target(
      name: "Datasets",
      dependencies: ["Recommendation", "CanonicalJSON", "Cryptography", "DelimitedText"],
      resources: [.copy("Data")], swiftSettings: strict),
    .target(
      name: "Evaluation",
      dependencies: [
        "Recommendation", "Datasets", "DelimitedText", "VectorMath", "CanonicalJSON",
        "Cryptography",
      ],
      swiftSettings: strict),

    // Attacks on, and empirical audits of, the code above: in simulations only, so that neither daemon
    // links it.
    .target(
      name: "Attacks",
      dependencies: [
        "Simulation", "Federation", "WireProtocol", "Ledger", "Privacy", "Recommendation",
        "SecureAggregation", "Cryptography", "CanonicalJSON", "Datasets", "VectorMath",
      ], swiftSettings: strict),

    // Executables: flags, wiring, lifecycle.
    .executableTarget(
      name: "coordinator",
      dependencies: [
        "CanonicalJSON", "Cryptography", "DelimitedText", "Federation", "Ledger", "LedgerStore",
        "Operations", "Privacy", "Recommendation", "SecureAggregation", "Transport", "WireProtocol",
        argumentParser, grdb, .product(name: "NIOHTTP1", package: "swift-nio"),
        .product(name: "NIOConcurrencyHelpers", package: "swift-nio"),
      ] + nio, path: "coordinator", swiftSettings: strict),
    .executableTarget(
      name: "client",
      dependencies: [
        "BehaviorStore", "CanonicalJSON", "Cryptography", "Federation", "Ledger", "Operations",
        "Privacy", "Recommendation", "Transport", "VectorMath", "WireProtocol", argumentParser,
        .product(name: "NIOHTTP1", package: "swift-nio"),
      ] + nio, path: "client", swiftSettings: strict),
    .executableTarget(
      name: "tacit",
      dependencies: [
        "Attacks", "CanonicalJSON", "Cryptography", "Datasets", "Evaluation", "Federation",
        "Ledger", "Operations", "Privacy", "Recommendation", "SecureAggregation", "Simulation",
        "WireProtocol", argumentParser,
      ], swiftSettings: strict),

    // Tests: one target beside each target, and real processes on loopback.
    .testTarget(name: "VectorMathTests", dependencies: ["VectorMath"], swiftSettings: strict),
    .testTarget(name: "CanonicalJSONTests", dependencies: ["CanonicalJSON"], swiftSettings: strict),
    .testTarget(
      name: "PrivacyTests", dependencies: ["Privacy", "CanonicalJSON", "VectorMath"],
      exclude: ["Vectors"], swiftSettings: strict),
    .testTarget(
      name: "CryptographyTests", dependencies: ["Cryptography", "CSodium", "COpenSSL"],
      swiftSettings: strict),
    .testTarget(
      name: "SecureAggregationTests",
      dependencies: ["SecureAggregation", "Cryptography", "VectorMath", "Privacy"],
      swiftSettings: strict),
    .testTarget(
      name: "LedgerTests",
      dependencies: ["Ledger", "CanonicalJSON", "Cryptography", "Privacy", "CSodium"],
      swiftSettings: strict),
    .testTarget(
      name: "LedgerStoreTests",
      dependencies: [
        "LedgerStore", "FaultSimulation", "Ledger", "CanonicalJSON", "Cryptography", "Privacy",
      ], swiftSettings: strict),
    .testTarget(
      name: "RecommendationTests",
      dependencies: ["Recommendation", "VectorMath", "CanonicalJSON"], swiftSettings: strict),
    .testTarget(
      name: "BehaviorStoreTests",
      dependencies: ["BehaviorStore", "Cryptography", "Recommendation", grdb],
      swiftSettings: strict),
    .testTarget(
      name: "TransportTests",
      dependencies: [
        "Transport", "COpenSSL", .product(name: "NIOEmbedded", package: "swift-nio"),
        .product(name: "NIOTestUtils", package: "swift-nio"),
      ] + nio, swiftSettings: strictWithoutMemberVisibility),
    .testTarget(
      name: "OperationsTests", dependencies: ["Operations", "Cryptography"], exclude: ["Golden"],
      swiftSettings: strict),
    .testTarget(
      name: "DatasetsTests",
      dependencies: ["Datasets", "Recommendation", "CanonicalJSON", "Cryptography"],
      exclude: ["Parquet"], swiftSettings: strict),
    .testTarget(
      name: "EvaluationTests",
      dependencies: ["Evaluation", "Datasets", "Recommendation", "VectorMath", "CanonicalJSON"],
      swiftSettings: strict),
    .testTarget(
      name: "WireProtocolTests",
      dependencies: [
        "WireProtocol", "SecureAggregation", "Cryptography", "Privacy", "Ledger", "VectorMath",
        "CanonicalJSON",
      ], exclude: ["Golden", "Found"], swiftSettings: strict),
    .testTarget(
      name: "FederationTests",
      dependencies: [
        "Federation", "WireProtocol", "Ledger", "Privacy", "Recommendation", "SecureAggregation",
        "Cryptography", "CanonicalJSON", "VectorMath",
      ], swiftSettings: strict),
    .testTarget(
      name: "SimulationTests",
      dependencies: [
        "Simulation", "Transport", "Federation", "WireProtocol", "Ledger", "Privacy",
        "Recommendation", "SecureAggregation", "Cryptography", "CanonicalJSON", "VectorMath",
      ], swiftSettings: strict),
    .testTarget(
      name: "AttacksTests",
      dependencies: [
        "Attacks", "Datasets", "Simulation", "Federation", "WireProtocol", "Ledger", "Privacy",
        "Recommendation", "SecureAggregation", "Cryptography", "CanonicalJSON", "VectorMath",
      ], swiftSettings: strict),
    .testTarget(
      name: "FaultSimulationTests",
      dependencies: ["FaultSimulation", "LedgerStore", "Ledger", "Cryptography", "VectorMath"],
      swiftSettings: strict),
    .testTarget(
      name: "EndToEndTests",
      dependencies: [
        "CanonicalJSON", "Cryptography", "Federation", "LedgerStore", "Privacy", "Recommendation",
        "SecureAggregation", "Transport", "VectorMath", "WireProtocol",
      ], swiftSettings: strict),
  ],
  swiftLanguageModes: [.v6]
)

if fuzzing {
  package.targets.append(
    .executableTarget(
      name: "FuzzMessage", dependencies: ["WireProtocol", "SecureAggregation"], path: "Fuzz",
      exclude: ["README.md", "make_corpus.py"], swiftSettings: strict + coverage,
      linkerSettings: [.unsafeFlags(["-sanitize=fuzzer"])]))
}

// `BENCHMARKS=1`: see Benchmarks/README.md. In this package, because what they measure is `package`.
if Context.environment["BENCHMARKS"] != nil {
  package.targets += [
    .target(
      name: "CTileLoop", dependencies: ["COpenSSL"], path: "Benchmarks/CTileLoop",
      cSettings: [.unsafeFlags(["-O3"])]),
    .executableTarget(
      name: "Benchmarks",
      dependencies: [
        "BehaviorStore", "CTileLoop", "CanonicalJSON", "Cryptography", "FaultSimulation", "Ledger",
        "LedgerStore", "Privacy", "Recommendation", "SecureAggregation", "Transport", "VectorMath",
        "WireProtocol",
      ],
      path: "Benchmarks/Benchmarks"),
  ]
}
