//! The JSON Schema of `cutover.toml`, for editors and for people.

use schemars::generate::SchemaSettings;
use serde_json::Value;

use super::Spec;

/// The JSON Schema of `cutover.toml`, made from the types it is read into.
///
/// Draft 7, because that is what the TOML extensions of editors understand.
#[must_use]
pub fn schema() -> Value {
    let schema = SchemaSettings::draft07()
        .into_generator()
        .into_root_schema_for::<Spec>();
    let mut value = schema.to_value();
    drop_nulls(&mut value);
    value
}

/// TOML has no null: an option that is not wanted is left out.
fn drop_nulls(value: &mut Value) {
    match value {
        Value::Array(items) => items.iter_mut().for_each(drop_nulls),
        Value::Object(map) => {
            map.values_mut().for_each(drop_nulls);
            if map.get("default") == Some(&Value::Null) {
                map.remove("default");
            }
            if let Some(Value::Array(branches)) = map.get_mut("anyOf") {
                branches.retain(|branch| branch.get("type") != Some(&Value::from("null")));
            }
            if let Some(types) = map.get_mut("type") {
                if let Value::Array(all) = types {
                    all.retain(|one| one != "null");
                }
                let only = types
                    .as_array()
                    .filter(|all| all.len() == 1)
                    .and_then(|all| all.first());
                if let Some(only) = only.cloned() {
                    *types = only;
                }
            }
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_published_schema_is_the_one_the_types_give() {
        let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/cutover.schema.json");
        let now = format!("{}\n", serde_json::to_string_pretty(&schema()).unwrap());
        if std::env::var_os("UPDATE_SCHEMA").is_some() {
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(&path, &now).unwrap();
        }
        let published = std::fs::read_to_string(&path).unwrap_or_default();
        assert!(
            published == now,
            "docs/cutover.schema.json is not what the types in src/spec give. If the change is meant, write it anew with \
             `UPDATE_SCHEMA=1 cargo test --lib spec::schema` and commit it"
        );
    }

    #[test]
    fn the_schema_closes_every_table_and_knows_no_null() {
        let schema = schema();
        assert_eq!(schema["required"], serde_json::json!(["application"]));
        assert_eq!(schema["additionalProperties"], false);
        for (name, definition) in schema["definitions"].as_object().unwrap() {
            if definition.get("properties").is_some() {
                assert_eq!(definition["additionalProperties"], false, "{name} takes any key");
            }
        }
        assert!(!schema.to_string().contains("null"));
    }

    #[test]
    fn patterns_in_the_schema_agree_with_what_is_read() {
        let schema = schema();
        let span = regex::Regex::new(schema["definitions"]["Span"]["pattern"].as_str().unwrap()).unwrap();
        for text in ["90s", "1h 30m", "500ms", "1.5s", "", "5", "-5m", "5 parsecs", "five"] {
            let is_read = text.parse::<crate::model::Span>().is_ok();
            assert_eq!(span.is_match(text), is_read, "{text:?}");
        }
        let status = schema["definitions"]["StatusRange"]["anyOf"][1]["pattern"]
            .as_str()
            .unwrap();
        let status = regex::Regex::new(status).unwrap();
        for text in ["200", "200-299", "600", "20", "2xx", "200-", ""] {
            let is_read = text.parse::<super::super::StatusRange>().is_ok();
            assert_eq!(status.is_match(text), is_read, "{text:?}");
        }
    }
}
