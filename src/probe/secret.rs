//! Secrets in checks: `${NAME}` in a header's value or in a body stands for an environment variable. The text with the name
//! is what is kept in plans and journals; the value is put in when the request is made, and nowhere else.

/// A text with every `${NAME}` replaced by what `lookup` gives for the name.
///
/// # Errors
///
/// When a variable is not set, with its name; or when a `${` has no end.
pub(super) fn expand(text: &str, lookup: impl Fn(&str) -> Option<String>) -> Result<String, String> {
    let mut expanded = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("${") {
        expanded.push_str(before);
        let Some((name, behind)) = after.split_once('}') else {
            return Err("a `${` in a header or body has no `}`".to_owned());
        };
        let value = lookup(name)
            .ok_or_else(|| format!("the environment variable {name} is not set: set it where cutover runs"))?;
        expanded.push_str(&value);
        rest = behind;
    }
    expanded.push_str(rest);
    Ok(expanded)
}

/// The names of all variables that a text names.
pub fn variables(text: &str) -> impl Iterator<Item = &str> {
    let parts = text.split("${").skip(1);
    parts.filter_map(|after| Some(after.split_once('}')?.0))
}

/// [`expand`] with this process's environment.
pub(super) fn from_environment(text: &str) -> Result<String, String> {
    expand(text, |name| std::env::var(name).ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_replaced_and_missing_ones_are_named() {
        let lookup = |name: &str| (name == "TOKEN").then(|| "s3cret".to_owned());
        assert_eq!(expand("Bearer ${TOKEN}!", lookup).unwrap(), "Bearer s3cret!");
        assert_eq!(expand("costs $5 and {x}", lookup).unwrap(), "costs $5 and {x}");
        let error = expand("${TOKEN} ${OTHER}", lookup).unwrap_err();
        assert!(error.contains("OTHER") && !error.contains("s3cret"), "{error}");
        assert!(expand("${TOKEN", lookup).is_err());
        let named = |text| variables(text).collect::<Vec<_>>();
        assert_eq!(named("${TOKEN} and ${OTHER}, $5 and {x}"), ["TOKEN", "OTHER"]);
        assert_eq!(named("${TOKEN"), [] as [&str; 0]);
    }
}
