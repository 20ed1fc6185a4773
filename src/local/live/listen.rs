//! Where a Python application is told to listen.
//!
//! On AWS's Python platform the web server in front of an application looks for it at port 8000, and Procfiles say so. Here many
//! instances share a machine, and each gets a port of its own.

/// The port that a Python application may count on.
const PORT: &str = "8000";
/// Addresses of this machine, and of all its addresses. Any other is somebody else's, and so is its port.
const OWN: [&str; 9] = ["", "*", "0", "0.0.0.0", "127.0.0.1", "localhost", "[::]", "[::1]", "::"];
/// Options whose value is the port alone.
const PORT_OPTIONS: [&str; 3] = ["--port", "--http-port", "-p"];

/// The same command with the instance's own port where port 8000 of this machine stands as a word, as the value of an option, or in a
/// list of addresses, in quotes or without.
pub(super) fn at_own_port(command: &str) -> String {
    let mut written = String::with_capacity(command.len());
    let mut rest = 0;
    for (place, _) in command.match_indices(PORT) {
        let (before, after) = (&command[..place], &command[place + PORT.len()..]);
        let ends =
            after.is_empty() || after.starts_with(|next: char| next.is_whitespace() || "'\",;&|)".contains(next));
        if !ends || !is_own_address(before) {
            continue;
        }
        written.push_str(&command[rest..place]);
        // In single quotes the shell would take the variable for text.
        written.push_str(if is_in_single_quotes(before) {
            "'\"$PORT\"'"
        } else {
            "$PORT"
        });
        rest = place + PORT.len();
    }
    written.push_str(&command[rest..]);
    written
}

/// Whether what stands before a port makes it one of this machine's to listen on.
fn is_own_address(before: &str) -> bool {
    let mut words = before.rsplit(|c: char| c.is_whitespace() || "'\"=,".contains(c));
    let word = words.next().unwrap_or_default();
    match word.strip_suffix(':') {
        // A short option may have its value right behind it.
        Some(host) => OWN.contains(&host) || host.strip_prefix("-b").is_some_and(|host| OWN.contains(&host)),
        None => {
            let option = before.trim_end_matches(|c: char| c.is_whitespace() || "'\"=".contains(c));
            let option = option.rsplit(char::is_whitespace).next().unwrap_or_default();
            word.is_empty() && option.len() < before.len() && PORT_OPTIONS.contains(&option)
        }
    }
}

/// Whether a place of a shell's command is within single quotes, by what stands before it.
fn is_in_single_quotes(before: &str) -> bool {
    let (mut single, mut double) = (false, false);
    let mut characters = before.chars();
    while let Some(c) = characters.next() {
        match c {
            '\\' if !single => drop(characters.next()),
            '\'' if !double => single = !single,
            '"' if !single => double = !double,
            _ => {}
        }
    }
    single
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_application_listens_at_its_own_port() {
        for (named, own) in [
            ("gunicorn --bind :8000 x", "gunicorn --bind :$PORT x"),
            ("gunicorn --bind=127.0.0.1:8000 x", "gunicorn --bind=127.0.0.1:$PORT x"),
            ("gunicorn -b0.0.0.0:8000 -b :8000", "gunicorn -b0.0.0.0:$PORT -b :$PORT"),
            (
                "gunicorn --bind \"0.0.0.0:8000\" x",
                "gunicorn --bind \"0.0.0.0:$PORT\" x",
            ),
            (
                "gunicorn --bind '0.0.0.0:8000' x",
                "gunicorn --bind '0.0.0.0:'\"$PORT\"'' x",
            ),
            ("x --bind=[::]:8000,0.0.0.0:8000", "x --bind=[::]:$PORT,0.0.0.0:$PORT"),
            (
                "python manage.py runserver 0.0.0.0:8000",
                "python manage.py runserver 0.0.0.0:$PORT",
            ),
            (
                "uvicorn x:app --host 0.0.0.0 --port 8000",
                "uvicorn x:app --host 0.0.0.0 --port $PORT",
            ),
            ("uvicorn x:app --port='8000'", "uvicorn x:app --port=''\"$PORT\"''"),
            ("sh -c \"it's :8000\" :8000", "sh -c \"it's :$PORT\" :$PORT"),
            // White space of more than one byte, as it comes with commands that were copied from a page.
            ("x --bind\u{a0}:8000", "x --bind\u{a0}:$PORT"),
            ("x --port\u{3000}8000\u{a0}y", "x --port\u{3000}$PORT\u{a0}y"),
        ] {
            assert_eq!(at_own_port(named), own, "{named}");
        }
    }

    #[test]
    fn what_is_no_address_to_listen_on_stays() {
        for command in [
            "x --backend http://127.0.0.1:8000",
            "x --backend=http://localhost:8000/api",
            "x --backend api.internal:8000",
            "x --bind :80001 --bind 10.0.0.1:8000",
            "x --limit 8000 --report 8000 8000",
            "x --port 18000 --port 80000",
            "x A:8000:y",
        ] {
            assert_eq!(at_own_port(command), command);
        }
    }

    #[test]
    fn the_shell_reads_the_port_in_any_quotes() {
        for command in [
            "printf %s '0.0.0.0:8000'",
            "printf %s \":8000\"",
            "printf %s --port=8000",
            "printf %s --port='8000'",
        ] {
            let ran = std::process::Command::new("/bin/sh")
                .args(["-c", &at_own_port(command)])
                .env("PORT", "4711")
                .output();
            let printed = String::from_utf8(ran.unwrap().stdout).unwrap();
            assert!(printed.ends_with("4711"), "{command}: {printed}");
        }
    }
}
