//! The SAM template, read as CloudFormation reads it, and what `sam package` does to it.

use serde_json::{Map, Value, json};
use yaml_serde::Value as Yaml;
use yaml_serde::value::TaggedValue;

use crate::failure::{Failure, Outcome, While};

/// A template in JSON, with the long forms of CloudFormation's functions.
#[derive(Debug, Clone)]
pub struct Template(Value);

impl Template {
    /// Reads a template in YAML.
    ///
    /// # Errors
    /// It is not YAML, or has something that JSON cannot say.
    pub fn parse(yaml: &str) -> Outcome<Self> {
        let yaml: Yaml = yaml_serde::from_str(yaml).doing("reading the template")?;
        long_form(yaml).map(Self)
    }

    /// The template as JSON.
    #[must_use]
    pub fn json(&self) -> &Value {
        &self.0
    }

    /// The template in which each function's code is the object `<binary>.zip` of `bucket`, after the binary of its build
    /// properties. Nothing else is changed.
    #[must_use]
    pub fn packaged(mut self, bucket: &str) -> Self {
        let resources = self.0.get_mut("Resources").and_then(Value::as_object_mut);
        for resource in resources.into_iter().flat_map(Map::values_mut) {
            let binary = resource
                .pointer("/Metadata/BuildProperties/Binary")
                .and_then(Value::as_str);
            let code = binary.map(|binary| json!({ "Bucket": bucket, "Key": format!("{binary}.zip") }));
            if let (Some(code), Some(place)) = (code, resource.pointer_mut("/Properties/CodeUri")) {
                *place = code;
            }
        }
        self
    }
}

fn long_form(yaml: Yaml) -> Outcome<Value> {
    match yaml {
        Yaml::Sequence(items) => items.into_iter().map(long_form).collect(),
        Yaml::Mapping(entries) => entries.into_iter().map(|(name, value)| entry(name, value)).collect(),
        Yaml::Tagged(tagged) => function(*tagged),
        scalar => serde_json::to_value(scalar).doing("reading the template"),
    }
}

fn entry(name: Yaml, value: Yaml) -> Outcome<(String, Value)> {
    match name {
        Yaml::String(name) => Ok((name, long_form(value)?)),
        other => Err(Failure::new(format!(
            "the template has a name that is no text: {other:?}"
        ))),
    }
}

/// `!Ref x` is `{"Ref": "x"}`, `!GetAtt a.b` is `{"Fn::GetAtt": ["a", "b"]}`.
fn function(tagged: TaggedValue) -> Outcome<Value> {
    let tag = tagged.tag.to_string();
    let argument = long_form(tagged.value)?;
    Ok(match (tag.trim_start_matches('!'), &argument) {
        (name @ ("Ref" | "Condition"), _) => json!({ name: argument }),
        ("GetAtt", Value::String(path)) => json!({ "Fn::GetAtt": path.splitn(2, '.').collect::<Vec<_>>() }),
        (name, _) => json!({ format!("Fn::{name}"): argument }),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const SMALL: &str = r#"
Resources:
  Poller:
    Metadata: { BuildProperties: { Binary: erp-poller } }
    Properties: { CodeUri: ../functions/erp-poller, Role: !GetAtt PollerRole.Arn, Timeout: !Ref Timeout }
  Table:
    Properties: { Name: !Sub "${Stage}-table", Ttl: !If [HasTtl, !Ref Ttl, 5], Enabled: true }
"#;

    #[test]
    fn short_forms_become_long_ones() {
        let template = Template::parse(SMALL).unwrap();
        let properties = |name| {
            template
                .json()
                .pointer(&format!("/Resources/{name}/Properties"))
                .unwrap()
        };
        assert_eq!(
            properties("Poller")["Role"],
            json!({ "Fn::GetAtt": ["PollerRole", "Arn"] })
        );
        assert_eq!(properties("Poller")["Timeout"], json!({ "Ref": "Timeout" }));
        assert_eq!(properties("Table")["Name"], json!({ "Fn::Sub": "${Stage}-table" }));
        assert_eq!(
            properties("Table")["Ttl"],
            json!({ "Fn::If": ["HasTtl", { "Ref": "Ttl" }, 5] })
        );
        assert_eq!(properties("Table")["Enabled"], json!(true));
    }

    #[test]
    fn packaging_changes_the_code_and_nothing_else() {
        let before = Template::parse(SMALL).unwrap();
        let mut after = before.clone().packaged("zips").json().clone();
        let code = after.pointer_mut("/Resources/Poller/Properties/CodeUri").unwrap();
        assert_eq!(*code, json!({ "Bucket": "zips", "Key": "erp-poller.zip" }));
        *code = json!("../functions/erp-poller");
        assert_eq!(after, *before.json());
    }
}
