//! Texts in lines of the length that a carrier takes: wrapped at blanks, never cut.

/// The lines wrapped at blanks so that they fit: line by line where that is enough, else as one running text.
pub(in crate::systems) fn fit(lines: &[&str], width: usize, most: usize) -> Option<Vec<String>> {
    let by_line: Option<Vec<Vec<String>>> = lines.iter().map(|line| wrap(line, width)).collect();
    let by_line: Vec<String> = by_line?.into_iter().flatten().collect();
    if by_line.len() <= most {
        return Some(by_line);
    }
    wrap(&lines.join(" "), width).filter(|running| running.len() <= most)
}

fn wrap(text: &str, width: usize) -> Option<Vec<String>> {
    let mut lines: Vec<String> = Vec::new();
    for word in text.split_whitespace() {
        let length = word.chars().count();
        if length > width {
            return None;
        }
        match lines
            .last_mut()
            .filter(|line| line.chars().count() + 1 + length <= width)
        {
            Some(line) => {
                line.push(' ');
                line.push_str(word);
            }
            None => lines.push(word.to_owned()),
        }
    }
    Some(lines)
}

#[cfg(test)]
mod tests {
    use super::*;

    const LINE: usize = 35;
    const LINES: usize = 3;

    #[test]
    fn a_long_street_is_wrapped_at_blanks_and_never_cut() {
        let long = "Building 7 Gate 4 Northwest Industrial Park Logistics Centre";
        let lines = fit(&[long, "Dock 12"], LINE, LINES).unwrap();
        assert_eq!(
            lines,
            [
                "Building 7 Gate 4 Northwest",
                "Industrial Park Logistics Centre",
                "Dock 12"
            ]
        );
        assert_eq!(lines.join(" "), format!("{long} Dock 12"));
        let four = ["12 Main St", "Floor 2", "Suite 200", "Attn Bob"];
        assert_eq!(
            fit(&four, LINE, LINES).unwrap(),
            ["12 Main St Floor 2 Suite 200 Attn", "Bob"]
        );
        assert_eq!(fit(&["x".repeat(36).as_str()], LINE, LINES), None);
        assert_eq!(
            fit(
                &["aaaaaaaaaaaaaaaaaaaaaaaaaaaaaa bbbbbbbbbbbbbbbbbbbbbb "; 3],
                LINE,
                LINES
            ),
            None
        );
    }
}
