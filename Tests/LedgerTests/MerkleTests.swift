import Cryptography
import Ledger
import Testing

@Suite struct MerkleTests {
  /// The eight inputs of the Certificate Transparency reference implementation (merkle_tree_test).
  static let inputs = [
    "", "00", "10", "2021", "3031", "40414243", "5051525354555657",
    "606162636465666768696a6b6c6d6e6f",
  ]
  static let roots = [
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
  ]
  static let largestSize = 70

  private func reference() throws -> MerkleTree {
    MerkleTree(lines: try Self.inputs.map { try HexCoding.decode($0) })
  }

  private func leaves(_ count: Int) -> [[UInt8]] { (0..<count).map { Array("leaf \($0)".utf8) } }

  @Test("the roots of one to eight leaves are those of Certificate Transparency")
  func knownRoots() throws {
    let tree = try reference()
    var frontier = MerkleFrontier()
    let empty = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
    #expect(frontier.root.hex == empty)
    for (index, root) in Self.roots.enumerated() {
      #expect(tree.root(ofSize: index + 1).hex == root)
      frontier.append(tree.leafHash(at: index))
      #expect(frontier.root.hex == root && frontier.size == index + 1)
    }
  }

  @Test("known proofs of Certificate Transparency") func knownProofs() throws {
    let tree = try reference()
    #expect(
      tree.inclusionProof(of: 2, inTreeOfSize: 5).path.map(\.hex) == [
        "07506a85fd9dd2f120eb694f86011e5bb4662e5c415a62917033d4a9624487e7",
        "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
        "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
      ])
    #expect(
      tree.consistencyProof(from: 6, to: 8).path.map(\.hex) == [
        "0ebc5d3437fbe2db158b9f126a1d118e308181031d0a949f8dededebc558ef6a",
        "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
        "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
      ])
    #expect(
      tree.consistencyProof(from: 2, to: 5).path.map(\.hex) == [
        "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
        "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
      ])
  }

  /// The digests were made by a direct transcription of the definitions MTH, PATH and SUBPROOF of
  /// RFC 9162 s.2.1 in Python with hashlib, over the leaves "leaf 0" … "leaf 69": SHA-256 of all
  /// roots, of all inclusion paths and of all consistency proofs for every size from 1 to 70, in
  /// that order.
  @Test("every root and proof of every tree of up to 70 leaves is that of the RFC's definition")
  func everyProof() {
    let tree = MerkleTree(lines: leaves(Self.largestSize))
    var roots = SHA256()
    var inclusion = SHA256()
    var consistency = SHA256()
    for size in 1...Self.largestSize {
      roots.update(tree.root(ofSize: size).bytes)
      for index in 0..<size {
        for hash in tree.inclusionProof(of: index, inTreeOfSize: size).path {
          inclusion.update(hash.bytes)
        }
      }
      for old in 1...size {
        consistency.update(tree.consistencyProof(from: old, to: size).bytes)
      }
    }
    #expect(
      roots.finalize().hex == "ea1ddaba4cea4d80f8317c3cf33c8f5c59319c8ae546430d1978dd7d54776586")
    #expect(
      inclusion.finalize().hex
        == "4a28350444e7d378b0cf6fa925e74f834ebfac302ae1597d1e401a4e08a3c0d2")
    #expect(
      consistency.finalize().hex
        == "00f3ed6efec106d5507913987e21d98a1b11f2d5d06f28d222201500d43080f3")
  }

  @Test("every inclusion proof verifies for its leaf, its place and its tree, and no other")
  func inclusionIsExact() throws {
    let tree = MerkleTree(lines: leaves(Self.largestSize))
    for size in 1...Self.largestSize {
      let root = tree.root(ofSize: size)
      for index in 0..<size {
        let proof = tree.inclusionProof(of: index, inTreeOfSize: size)
        let leaf = tree.leafHash(at: index)
        try proof.requireLeaf(leaf, under: root)
        func refuses(_ proof: InclusionProof, _ leaf: SHA256Digest, _ root: SHA256Digest) -> Bool {
          do {
            try proof.requireLeaf(leaf, under: root)
            return false
          } catch {
            return true
          }
        }
        let other = tree.leafHash(at: (index + 1) % Self.largestSize)
        #expect(refuses(proof, other, root), "leaf \(index) of \(size)")
        #expect(refuses(proof, leaf, other), "leaf \(index) of \(size)")
        for otherIndex in [-1, index - 1, index + 1, size] where otherIndex != index {
          let moved = InclusionProof(index: otherIndex, treeSize: size, path: proof.path)
          #expect(refuses(moved, leaf, root), "leaf \(index) of \(size) as \(otherIndex)")
        }
        for path in [Array(proof.path.dropLast()), proof.path + [other]]
        where path.count != proof.path.count {
          let changed = InclusionProof(index: index, treeSize: size, path: path)
          #expect(refuses(changed, leaf, root), "leaf \(index) of \(size), path of \(path.count)")
        }
        for step in proof.path.indices {
          var path = proof.path
          path[step] = leaf == path[step] ? root : leaf
          let changed = InclusionProof(index: index, treeSize: size, path: path)
          #expect(refuses(changed, leaf, root), "leaf \(index) of \(size), hash \(step)")
        }
      }
    }
  }

  @Test("every consistency proof verifies for its two trees, and no others")
  func consistencyIsExact() throws {
    let tree = MerkleTree(lines: leaves(Self.largestSize))
    func isAccepted(
      _ path: [SHA256Digest], _ old: (Int, SHA256Digest), _ new: (Int, SHA256Digest)
    ) -> Bool {
      do {
        try ConsistencyProof(path: path).requirePrefix(
          oldSize: old.0, oldRoot: old.1, newSize: new.0, newRoot: new.1)
        return true
      } catch {
        return false
      }
    }
    let stranger = SHA256Digest(hashing: [1])
    for size in 1...Self.largestSize {
      let new = (size, tree.root(ofSize: size))
      for oldSize in 1...size {
        let old = (oldSize, tree.root(ofSize: oldSize))
        let path = tree.consistencyProof(from: oldSize, to: size).path
        #expect(isAccepted(path, old, new), "\(oldSize) to \(size)")
        #expect(!isAccepted(path, (oldSize, stranger), new), "\(oldSize) to \(size)")
        #expect(!isAccepted(path, old, (size, stranger)), "\(oldSize) to \(size)")
        #expect(!isAccepted(path + [stranger], old, new), "\(oldSize) to \(size)")
        #expect(!isAccepted(path, (0, stranger), new) && !isAccepted(path, (size + 1, old.1), new))
        if !path.isEmpty {
          #expect(!isAccepted(Array(path.dropLast()), old, new), "\(oldSize) to \(size)")
        }
        for step in path.indices {
          var changed = path
          changed[step] = stranger
          #expect(!isAccepted(changed, old, new), "\(oldSize) to \(size), hash \(step)")
        }
      }
    }
  }

  @Test("a tree that is cut back and grown again is the same tree") func truncated() {
    let lines = leaves(Self.largestSize)
    let whole = MerkleTree(lines: lines)
    for size in 0...Self.largestSize {
      var tree = whole
      var frontier = whole.frontier(ofSize: size)
      for line in lines[size...] { frontier.append(MerkleHash.leaf(line)) }
      #expect(frontier.size == whole.size && frontier.root == whole.root(ofSize: whole.size))
      tree.truncate(to: size)
      #expect(tree == MerkleTree(lines: lines.prefix(size)))
      for line in lines[size...] { tree.append(MerkleHash.leaf(line)) }
      #expect(tree == whole)
    }
  }

  @Test("a consistency proof survives a message, and nothing else is read as one")
  func encodedConsistency() throws {
    let proof = MerkleTree(lines: leaves(70)).consistencyProof(from: 13, to: 70)
    #expect(try ConsistencyProof(decoding: proof.bytes) == proof)
    #expect(throws: LedgerError.self) { try ConsistencyProof(decoding: [1, 2, 3]) }
    let long = [UInt8](repeating: 0, count: ConsistencyProof.maximumBytes + 32)
    #expect(throws: LedgerError.self) { try ConsistencyProof(decoding: long) }
  }
}
