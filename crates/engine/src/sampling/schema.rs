//! Which JSON schemas are followed. They come from strangers, and preparing some would take minutes and all memory, which
//! the library that follows them does not prevent; so what makes it take long is bounded here.

use std::collections::BTreeSet;

use serde_json::{json, Map, Value};

/// Values in a schema, of any kind.
const MAX_VALUES: usize = 2_000;
/// Different patterns and formats in a schema: they may all have to hold at once, which takes time that is exponential in
/// their number.
const MAX_PATTERNS: usize = 8;
const MAX_PATTERN_BYTES: usize = 512;
/// The same of a schema in which several may have to hold of one text: with more of them a single step of the library takes
/// minutes and all memory, and its own limits are looked at only between steps.
const MAX_JOINED_PATTERNS: usize = 2;
/// The least common multiple of all that numbers must be multiples of, without decimal point: a number is followed by its
/// remainder, so there are as many states.
const MAX_MULTIPLE: u64 = 10_000;
/// How a schema configures the library itself, which is not the caller's to do.
const LIBRARY_OPTIONS: &str = "x-guidance";
/// Spaces and line ends between the parts of JSON, at most so many at once: a model that can do nothing else would go on
/// with them until its last token.
const WHITESPACE: &str = r"[\x20\x0A\x0D\x09]{1,48}";

/// The schema of `text` as the library takes it, or why it is not followed.
pub(super) fn read_schema(text: &str) -> Result<Value, String> {
    let schema: Value = serde_json::from_str(text).map_err(|error| format!("the schema is not JSON: {error}"))?;
    let mut cost = Cost { values: 0, patterns: BTreeSet::new(), joins: false, multiple: 1 };
    cost.add(&schema)?;
    if cost.joins && cost.patterns.len() > MAX_JOINED_PATTERNS {
        return Err(format!(
            "a schema in which several patterns may have to hold of one text (allOf, not, if, or two of pattern, format, $ref, \
             anyOf, oneOf beside each other) may have {MAX_JOINED_PATTERNS} different patterns and formats"
        ));
    }
    match schema {
        Value::Object(schema) if schema.contains_key(LIBRARY_OPTIONS) => {
            Err(format!("{LIBRARY_OPTIONS} is not supported"))
        }
        Value::Object(schema) => Ok(with_options(schema)),
        _ => Err("the schema must be a JSON object".into()),
    }
}

/// The schema of any JSON object.
pub(super) fn any_object() -> Value {
    with_options(Map::from_iter([("type".to_owned(), "object".into())]))
}

fn with_options(mut schema: Map<String, Value>) -> Value {
    schema.insert(LIBRARY_OPTIONS.into(), json!({ "whitespace_pattern": WHITESPACE }));
    Value::Object(schema)
}

/// What makes a schema take long. Whether a word is a keyword or, say, the name of a property does not matter.
struct Cost<'a> {
    values: usize,
    patterns: BTreeSet<&'a str>,
    /// Whether several patterns may have to hold of one text.
    joins: bool,
    multiple: u64,
}

impl<'a> Cost<'a> {
    /// Recursion ends where the reader of JSON ended it: 128 levels.
    fn add(&mut self, value: &'a Value) -> Result<(), String> {
        self.values += 1;
        if self.values > MAX_VALUES {
            return Err(format!("a schema may have {MAX_VALUES} values, all keywords counted"));
        }
        match value {
            Value::Object(object) => {
                self.joins |= joins(object);
                object.iter().try_for_each(|(key, value)| {
                    self.add_keyword(key, value)?;
                    self.add(value)
                })
            }
            Value::Array(array) => array.iter().try_for_each(|value| self.add(value)),
            _ => Ok(()),
        }
    }

    fn add_keyword(&mut self, key: &str, value: &'a Value) -> Result<(), String> {
        match (key, value) {
            ("pattern" | "format", Value::String(pattern)) => self.add_pattern(pattern),
            ("patternProperties", Value::Object(object)) => object.keys().try_for_each(|key| self.add_pattern(key)),
            ("multipleOf", Value::Number(number)) => self.add_multiple(&number.to_string()),
            _ => Ok(()),
        }
    }

    fn add_pattern(&mut self, pattern: &'a str) -> Result<(), String> {
        if pattern.len() > MAX_PATTERN_BYTES {
            return Err(format!("a pattern may have {MAX_PATTERN_BYTES} bytes"));
        }
        self.patterns.insert(pattern);
        if self.patterns.len() > MAX_PATTERNS {
            return Err(format!("a schema may have {MAX_PATTERNS} different patterns and formats"));
        }
        Ok(())
    }

    fn add_multiple(&mut self, number: &str) -> Result<(), String> {
        let digits: String = number.chars().filter(|character| *character != '.').collect();
        // Digits only, so no exponent and no sign.
        let multiple = digits.trim_end_matches('0').parse::<u64>().ok().filter(|multiple| *multiple <= MAX_MULTIPLE);
        let zeros = u32::try_from(digits.len() - digits.trim_end_matches('0').len()).unwrap_or(u32::MAX);
        let multiple = multiple
            .and_then(|multiple| multiple.checked_mul(10u64.checked_pow(zeros)?))
            .filter(|multiple| (1..=MAX_MULTIPLE).contains(multiple));
        let joint = multiple.map(|multiple| self.multiple / common_divisor(self.multiple, multiple) * multiple);
        match joint {
            Some(joint) if joint <= MAX_MULTIPLE => {
                self.multiple = joint;
                Ok(())
            }
            _ => Err(format!(
                "multipleOf must be positive, and the least common multiple of all of them, without decimal points, at \
                 most {MAX_MULTIPLE}"
            )),
        }
    }
}

/// Whether more than one part of a schema speaks of the same text, or of the same names.
fn joins(schema: &Map<String, Value>) -> bool {
    let parts = schema.iter().map(|(key, value)| match (key.as_str(), value) {
        ("pattern" | "format" | "$ref" | "$dynamicRef" | "anyOf" | "oneOf", _) => 1,
        ("allOf", Value::Array(all)) => all.len(),
        ("not" | "if" | "dependentSchemas", _) => 2,
        _ => 0,
    });
    let names = schema.iter().map(|(key, value)| match (key.as_str(), value) {
        ("patternProperties", Value::Object(patterns)) => patterns.len(),
        ("propertyNames", _) => 1,
        _ => 0,
    });
    parts.sum::<usize>() > 1 || names.sum::<usize>() > 1
}

fn common_divisor(a: u64, b: u64) -> u64 {
    if b == 0 {
        a
    } else {
        common_divisor(b, a % b)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn assert_refused(schema: &Value, names: &str) {
        let why = read_schema(&schema.to_string()).unwrap_err();
        assert!(why.contains(names), "{why}");
    }

    fn properties(count: usize) -> Value {
        (0..count).map(|number| (format!("p{number}"), json!(true))).collect::<Map<_, _>>().into()
    }

    #[test]
    fn values_are_counted_wherever_they_are() {
        // The schema itself and the object of properties are two.
        read_schema(&json!({ "properties": properties(MAX_VALUES - 2) }).to_string()).unwrap();
        assert_refused(&json!({ "properties": properties(MAX_VALUES - 1) }), "2000 values");
        assert_refused(&json!({ "enum": vec![1; MAX_VALUES] }), "2000 values");
    }

    #[test]
    fn different_patterns_are_counted() {
        let patterns = |count: usize| {
            let fields = (0..100).map(|number| json!({ "type": "string", "pattern": format!("{}", number % count) }));
            json!({ "anyOf": fields.collect::<Vec<_>>() })
        };
        read_schema(&patterns(MAX_PATTERNS).to_string()).unwrap();
        assert_refused(&patterns(MAX_PATTERNS + 1), "patterns");
        let names: Map<_, _> = (0..9).map(|number| (format!("^{number}"), json!({}))).collect();
        assert_refused(&json!({ "patternProperties": names }), "patterns");
        assert_refused(&json!({ "pattern": "a".repeat(513) }), "512");
    }

    #[test]
    fn few_patterns_may_have_to_hold_together() {
        let [a, b, c] = ["^([ax]x|[ab]b)$", "^[a-z]+$", "^.{9}$"].map(|pattern| json!({ "pattern": pattern }));
        let fields = json!({ "a": a, "b": b, "c": { "format": "uuid" }, "d": { "$ref": "#/$defs/c" } });
        read_schema(&json!({ "properties": fields, "$defs": { "c": c } }).to_string()).unwrap();
        read_schema(&json!({ "anyOf": [a, b, c] }).to_string()).unwrap();
        read_schema(&json!({ "allOf": [a, b, a] }).to_string()).unwrap();
        // As some libraries write a reference.
        read_schema(&json!({ "allOf": [{ "anyOf": [a, b, c] }] }).to_string()).unwrap();
        for joined in [
            json!({ "allOf": [a, b, c] }),
            json!({ "allOf": [{ "format": "email" }, { "format": "uri" }, { "format": "date-time" }] }),
            json!({ "pattern": "^a", "anyOf": [b, c] }),
            json!({ "$ref": "#/$defs/a", "pattern": "^a", "$defs": { "a": { "pattern": "b", "oneOf": [c] } } }),
            json!({ "not": a, "items": b, "contains": c }),
            json!({ "patternProperties": { "^a": b, "b$": {} } }),
        ] {
            assert_refused(&joined, "may have to hold of one text");
        }
    }

    #[test]
    fn multiples_are_bounded_together() {
        let schema = |multiples: &[&str]| {
            let fields: Vec<_> =
                multiples.iter().map(|multiple| format!(r#"{{ "multipleOf": {multiple} }}"#)).collect();
            read_schema(&format!(r#"{{ "anyOf": [{}] }}"#, fields.join(",")))
        };
        schema(&["5", "10", "1000", "0.01", "2.5", "10000"]).unwrap();
        for bad in [&["10001"][..], &["9973", "7"], &["1e9"], &["100000"], &["0"], &["-2"], &["123.45"]] {
            assert!(schema(bad).unwrap_err().contains("multipleOf"), "{bad:?}");
        }
    }

    #[test]
    fn deep_schemas_are_not_read() {
        let deep = format!("{}{}", r#"{"items":"#.repeat(200), "1");
        assert!(read_schema(&(deep + &"}".repeat(200))).unwrap_err().contains("recursion"));
    }

    #[test]
    fn the_library_is_not_configured_by_callers() {
        assert_refused(&json!({ "x-guidance": {} }), "x-guidance");
    }
}
