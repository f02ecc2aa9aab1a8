use super::*;
use serde_json::{Map, json};

fn raw(schema: &Value) -> Box<RawValue> {
    RawValue::from_string(schema.to_string()).unwrap()
}

fn pick(schema: Value) -> Result<Value, String> {
    let answer = json!({
        "note": "estimates", "age": 61.5, "reference": null, "events": 3,
        "risks": [{"code": "A", "p": [0.2, 0.4]}, {"code": "B", "p": [0.1, 0.2]}]
    });
    let message = |error: ApiError| error.row().2.into_owned();
    Schema::read(&raw(&schema)).map_err(message)?.pick(&answer).map_err(message)
}

#[test]
fn a_schema_picks_fields_and_cuts_lists() {
    let schema = json!({
        "$defs": {"Risk": {"type": "object", "properties": {"code": {"type": "string"}}, "required": ["code"],
            "additionalProperties": false}},
        "type": "object", "additionalProperties": false, "required": ["risks", "reference", "events"],
        "properties": {
            "risks": {"type": "array", "items": {"$ref": "#/$defs/Risk"}, "maxItems": 1},
            "reference": {"anyOf": [{"type": "number"}, {"type": "null"}]},
            "events": {"type": "integer", "minimum": 0}
        }
    });
    assert_eq!(pick(schema).unwrap(), json!({"risks": [{"code": "A"}], "reference": null, "events": 3}));
    assert_eq!(
        pick(json!({"type": "object", "properties": {"age": {"type": ["number", "null"]}}})).unwrap(),
        json!({"age": 61.5})
    );
}

#[test]
fn what_is_not_in_the_answer_is_not_made_up_and_no_name_of_the_caller_s_is_repeated() {
    for (schema, wanted) in [
        (
            json!({"required": ["note", "canary"], "properties": {"canary": {"type": "string"}}}),
            "property 2 of 2",
        ),
        (
            json!({"properties": {"note": {"type": "number"}}}),
            "answer.note: the answer's type there is string",
        ),
        (json!({"properties": {"risks": {"items": {"required": ["canary"]}}}}), "answer.risks[]"),
        (json!({"properties": {"age": {"maximum": 18}}}), "outside the bounds"),
        (json!({"properties": {"age": {"type": "integer"}}}), "type there is number"),
        (json!({"properties": {"risks": {"minItems": 3}}}), "fewer than minItems"),
        (json!({"properties": {"note": {"const": "canary"}}}), "another value than const"),
        (json!({"properties": {"note": {"pattern": "canary"}}}), "a keyword that isn't known"),
        (json!({"$ref": "#"}), "without end"),
        (json!({"$ref": "https://canary.example"}), "point into the schema"),
        (json!([]), "a schema is an object"),
        (json!({"properties": {"note": false}}), "allows nothing"),
    ] {
        let error = pick(schema.clone()).unwrap_err();
        assert!(error.contains(wanted), "{schema}: {error}");
        assert!(!error.contains("canary"), "{schema}: {error}");
    }
}

#[test]
fn alternatives_within_alternatives_end() {
    // Two to the fortieth paths in a few lines.
    let defs: Map<String, Value> = (0..40)
        .map(|n| {
            let next = json!({"$ref": format!("#/$defs/d{}", n + 1)});
            (format!("d{n}"), json!({"anyOf": [next, next]}))
        })
        .chain([("d40".to_owned(), json!({"type": "string"}))])
        .collect();
    let error = pick(json!({"$defs": defs, "$ref": "#/$defs/d0"})).unwrap_err();
    assert!(error.contains("too many alternatives"), "{error}");
}

#[test]
fn what_stands_beside_a_reference_or_alternatives_is_held_to_too() {
    let refused = |schema: Value| pick(schema).unwrap_err();
    let text = json!({"text": {"type": "string"}});
    let beside = json!({"$defs": text, "properties": {"note": {"$ref": "#/$defs/text", "const": "x"}}});
    assert!(refused(beside).contains("another value than const"));
    let beside = json!({"type": "string", "anyOf": [{"type": "object", "properties": {"age": {}}}]});
    assert!(refused(beside).contains("type there is object"));
    let beside = json!({"anyOf": [{"properties": {"age": {}}}], "required": ["note"]});
    assert!(refused(beside).contains("required property 1 of 1"), "what an alternative left out is gone");
    let beside = json!({"$defs": {"o": {"type": "object"}}, "$ref": "#/$defs/o", "properties": {"age": {"minimum": 18}}});
    assert_eq!(pick(beside).unwrap(), json!({"age": 61.5}));
}

#[test]
fn one_of_is_exactly_one() {
    let both = json!({"oneOf": [{"properties": {"note": {"type": "string"}}}, {"type": "object"}]});
    assert!(pick(both).unwrap_err().contains("doesn't fit all of it"));
    let one = json!({"properties": {"age": {"oneOf": [{"type": "null"}, {"type": "number"}]}}});
    assert_eq!(pick(one).unwrap(), json!({"age": 61.5}));
}

#[test]
fn fields_that_are_not_named_are_held_to_the_schema_for_them() {
    let error = pick(json!({"additionalProperties": {"type": "string"}})).unwrap_err();
    assert!(error.contains("type there is"), "{error}");
    let numbers = json!({"properties": {"note": {}}, "required": ["age", "note"], "additionalProperties": {"maximum": 100}});
    assert_eq!(pick(numbers).unwrap(), json!({"age": 61.5, "note": "estimates"}));
    let closed = json!({"properties": {"note": {}}, "required": ["age"], "additionalProperties": false});
    assert!(pick(closed).unwrap_err().contains("answer.age: the schema allows nothing"));
}

#[test]
fn a_schema_is_bounded_in_length_and_in_what_it_makes_the_server_do() {
    let long = json!({"examples": ["x".repeat(MAX_BYTES)]});
    assert!(pick(long).unwrap_err().contains("64 kB"));
    // References to much, many times: copied at each, they took minutes.
    let much = json!({"type": "number", "examples": vec![0; 20_000]});
    let many = vec![json!({"$ref": "#/$defs/b"}); 800];
    let begun = std::time::Instant::now();
    let error = pick(json!({"$defs": {"b": much}, "anyOf": many})).unwrap_err();
    assert!(error.contains("type there is object"), "{error}");
    // Lists of values, too, are work.
    let much = json!({"enum": (0..8_000).collect::<Vec<_>>()});
    let error =
        pick(json!({"$defs": {"b": much}, "anyOf": vec![json!({"$ref": "#/$defs/b"}); 1000]})).unwrap_err();
    assert!(error.contains("too many alternatives"), "{error}");
    assert!(begun.elapsed() < std::time::Duration::from_secs(2), "{:?}", begun.elapsed());
}
