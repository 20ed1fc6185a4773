//! Variables in the configuration of actions: `#{namespace.name}`.

use std::collections::BTreeMap;

use super::state::Execution;

/// Puts values in the place of variables. `Err` names a variable that has none.
pub(super) fn resolve(
    configuration: &BTreeMap<String, String>,
    execution: &Execution,
) -> Result<BTreeMap<String, String>, String> {
    let resolved = configuration
        .iter()
        .map(|(key, text)| Ok((key.clone(), replaced(text, execution)?)));
    resolved.collect()
}

fn replaced(text: &str, execution: &Execution) -> Result<String, String> {
    let mut result = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("#{") {
        result.push_str(before);
        let Some((name, behind)) = after.split_once('}') else {
            // No variable ends here.
            result.push_str("#{");
            rest = after;
            continue;
        };
        result.push_str(&value(name.trim(), execution).ok_or_else(|| name.to_owned())?);
        rest = behind;
    }
    result.push_str(rest);
    Ok(result)
}

fn value(name: &str, execution: &Execution) -> Option<String> {
    let (namespace, key) = name.split_once('.')?;
    if (namespace, key) == ("codepipeline", "PipelineExecutionId") {
        return Some(execution.id.clone());
    }
    execution.variables.get(namespace)?.get(key).cloned()
}

#[cfg(test)]
mod tests {
    use super::super::tests::execution;
    use super::*;

    #[test]
    fn variables_get_their_values() {
        let mut execution = execution();
        execution.variables = BTreeMap::from([(
            "SourceVariables".to_owned(),
            BTreeMap::from([("ETag".to_owned(), "abc".to_owned())]),
        )]);
        let read = |text: &str| replaced(text, &execution);
        assert_eq!(
            read("#{codepipeline.PipelineExecutionId}!"),
            Ok(format!("{}!", execution.id))
        );
        assert_eq!(
            read("a #{SourceVariables.ETag} #{ SourceVariables.ETag }"),
            Ok("a abc abc".to_owned())
        );
        assert_eq!(
            read("#{SourceVariables.Nothing}"),
            Err("SourceVariables.Nothing".to_owned())
        );
        assert_eq!(read("no {variable} here #{"), Ok("no {variable} here #{".to_owned()));
    }
}
