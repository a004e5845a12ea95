internal import CanonicalJSON
internal import Operations

/// The API in OpenAPI 3.1, written from the routes themselves.
enum OpenAPIDocument {
  static var json: JSONValue {
    var paths: [String: [String: JSONValue]] = [:]
    for route in DeviceAPI.routes {
      paths[route.template, default: [:]][route.method.lowercased()] = operation(route)
    }
    return .object([
      "openapi": .string("3.1.0"),
      "info": .object([
        "title": .string("Tacit device"), "version": .string("1"),
        "description": .string(
          "What a customer's own apps may ask of the device. It listens on loopback only: a list is "
            + "computed from the customer's log without noise, and whoever sees it learns about the "
            + "customer. Every call needs the token that client serve prints."),
      ]),
      "security": .array([.object(["token": .array([])])]),
      "components": .object([
        "securitySchemes": .object([
          "token": .object(["type": .string("http"), "scheme": .string("bearer")])
        ])
      ]), "paths": .object(paths.mapValues(JSONValue.object)),
    ])
  }

  private static func operation(_ route: DeviceAPI.Route) -> JSONValue {
    var operation: [String: JSONValue] = [
      "summary": .string(route.summary),
      "responses": .object([
        "200": .object(["description": .string("One JSON object.")]),
        "400": .object([
          "description": .string("Not understood; the error says what, why and what to do next.")
        ]), "401": .object(["description": .string("The token is missing or wrong.")]),
        "403": .object(["description": .string("Host or Origin is not this server's.")]),
      ]),
    ]
    let places = route.path.filter { $0.hasPrefix("{") }.map { $0.dropFirst().dropLast() }
    if !places.isEmpty {
      operation["parameters"] = .array(
        places.map { name in
          .object([
            "name": .string(String(name)), "in": .string("path"), "required": .bool(true),
            "schema": .object(["type": .string("string")]),
          ])
        })
    }
    if !route.parameters.isEmpty {
      operation["requestBody"] = .object([
        "content": .object([
          "application/json": .object([
            "schema": .object([
              "type": .string("object"), "additionalProperties": .bool(false),
              "properties": .object(
                Dictionary(uniqueKeysWithValues: route.parameters.map { ($0.name, $0.schema) })),
              "required": .array(
                route.parameters.filter(\.isRequired).map { .string($0.name) }),
            ])
          ])
        ])
      ])
    }
    return .object(operation)
  }
}
