//! What the machine must have before anything starts. What is missing is named with the command that installs it.

use std::process::{Command, Stdio};

use crate::failure::{Failure, Outcome};

/// A program that must be there, how its presence is shown, and what to do where it is not.
struct Need {
    what: &'static str,
    program: &'static str,
    arguments: &'static [&'static str],
    remedy: &'static str,
}

const NEEDS: [Need; 4] = [
    Need {
        what: "Python 3.11 or newer",
        program: "python3",
        arguments: &["-c", "import sys; sys.exit(sys.version_info < (3, 11))"],
        remedy: "sudo apt-get install python3",
    },
    Need {
        what: "Python's venv module",
        program: "python3",
        arguments: &["-c", "import ensurepip, venv"],
        remedy: "sudo apt-get install python3-venv",
    },
    Need {
        what: "a C compiler called cc",
        program: "cc",
        arguments: &["--version"],
        remedy: "sudo apt-get install build-essential",
    },
    Need {
        what: "cargo",
        program: "cargo",
        arguments: &["--version"],
        remedy: "curl --proto '=https' --tlsv1.2 -sSf https://sh.rustup.rs | sh",
    },
];

/// Checks all prerequisites.
///
/// # Errors
/// Names every one that is missing, each with its command.
pub fn check() -> Outcome<()> {
    check_each(&NEEDS, is_met)
}

fn check_each(needs: &[Need], is_met: impl Fn(&Need) -> bool) -> Outcome<()> {
    let missing: Vec<String> = needs
        .iter()
        .filter(|need| !is_met(need))
        .map(|need| format!("  {}, which this installs: {}", need.what, need.remedy))
        .collect();
    if missing.is_empty() {
        Ok(())
    } else {
        Err(Failure::new(format!("this machine lacks\n{}", missing.join("\n"))))
    }
}

fn is_met(need: &Need) -> bool {
    Command::new(need.program)
        .args(need.arguments)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .is_ok_and(|status| status.success())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_missing_prerequisite_is_named_with_its_remedy() {
        let words = check_each(&NEEDS, |need| need.program == "cargo")
            .unwrap_err()
            .to_string();
        for expected in [
            "Python 3.11",
            "apt-get install python3-venv",
            "apt-get install build-essential",
        ] {
            assert!(words.contains(expected), "{words}");
        }
        assert!(!words.contains("rustup"), "{words}");
    }

    #[test]
    fn a_program_that_does_not_exist_or_fails_is_missing() {
        let need = |program, arguments| Need {
            what: "",
            program,
            arguments,
            remedy: "",
        };
        assert!(!is_met(&need("no-such-program-anywhere", &[])));
        assert!(!is_met(&need("cargo", &["no-such-subcommand-anywhere"])));
        assert!(is_met(&need("cargo", &["--version"])));
    }
}
