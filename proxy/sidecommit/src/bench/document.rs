//! Figures in a page of documentation: a section between two marks, which is made anew by each run.

use crate::exit::Failure;
use std::path::Path;

/// Puts a section where the marks are.
pub(super) fn write(path: &Path, name: &str, section: &str) -> Result<(), Failure> {
    let failed = |error| Failure::Internal(format!("{}: {error}", path.display()));
    let text = std::fs::read_to_string(path).map_err(failed)?;
    let text = replaced(&text, name, section).ok_or_else(|| {
        Failure::Internal(format!("{}: no <!-- {name}:begin --> and <!-- {name}:end -->", path.display()))
    })?;
    std::fs::write(path, text).map_err(failed)
}

/// Whether there is a place for it: that is better known before hours are measured.
pub(super) fn check(flag: &str, path: &Path, name: &str) -> Result<(), Failure> {
    let text = std::fs::read_to_string(path).unwrap_or_default();
    let missing = || {
        Failure::Usage(format!(
            "{flag}: {}: expected a page with <!-- {name}:begin --> and <!-- {name}:end -->",
            path.display()
        ))
    };
    replaced(&text, name, "").map(|_| ()).ok_or_else(missing)
}

fn replaced(text: &str, name: &str, section: &str) -> Option<String> {
    let (begin, end) = (format!("<!-- {name}:begin -->\n"), format!("<!-- {name}:end -->"));
    let (before, rest) = text.split_once(&begin)?;
    let (_, after) = rest.split_once(&end)?;
    Some(format!("{before}{begin}{section}{end}{after}"))
}

/// A table of Markdown.
pub(super) fn table(head: &[&str], rows: &[Vec<String>]) -> String {
    let line = |cells: Vec<&str>| format!("| {} |\n", cells.join(" | "));
    let rows = rows.iter().map(|row| line(row.iter().map(String::as_str).collect()));
    [line(head.to_vec()), format!("|{}\n", "---|".repeat(head.len()))].into_iter().chain(rows).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_section_takes_the_place_of_the_one_before() {
        let page =
            "# Page\n<!-- x:begin -->\nold\n<!-- x:end -->\nrest\n<!-- y:begin -->\nkept\n<!-- y:end -->\n";
        let new = replaced(page, "x", "new\n").unwrap();
        assert_eq!(new, page.replace("old", "new"));
        assert_eq!(replaced(&new, "x", "new\n").as_deref(), Some(new.as_str()));
        assert_eq!(replaced(page, "z", ""), None);
    }

    #[test]
    fn a_table_has_a_line_under_its_head() {
        let rows = [vec!["1".to_owned(), "2".to_owned()]];
        assert_eq!(table(&["a", "b"], &rows), "| a | b |\n|---|---|\n| 1 | 2 |\n");
    }
}
