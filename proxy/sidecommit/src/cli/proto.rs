//! `sidecommit proto`: the API's contract, from the binary that serves it.

use super::output;
use crate::exit::Failure;
use std::{fs, path::PathBuf};

const FILES: [(&str, &str); 5] = [
    ("sidecommit/v1/transaction.proto", include_str!("../../../../proto/sidecommit/v1/transaction.proto")),
    ("sidecommit/v1/consume.proto", include_str!("../../../../proto/sidecommit/v1/consume.proto")),
    ("sidecommit/v1/admin.proto", include_str!("../../../../proto/sidecommit/v1/admin.proto")),
    ("sidecommit/v1/types.proto", include_str!("../../../../proto/sidecommit/v1/types.proto")),
    ("sidecommit/v1/error.proto", include_str!("../../../../proto/sidecommit/v1/error.proto")),
];

/// Arguments.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Only this file, e.g. sidecommit/v1/transaction.proto
    file: Option<String>,
    /// Write the files below this folder instead of printing them
    #[arg(long, value_name = "DIR", conflicts_with = "file")]
    out: Option<PathBuf>,
}

/// Prints or writes the files.
pub(super) fn run(args: &Args) -> Result<(), Failure> {
    if let Some(out) = &args.out {
        return FILES.iter().try_for_each(|(name, text)| write(&out.join(name), text));
    }
    match &args.file {
        Some(wanted) => match FILES.iter().find(|(name, _)| name == wanted) {
            Some((_, text)) => output::print(text),
            None => {
                let names = FILES.map(|(name, _)| name).join(" or ");
                Err(Failure::Usage(format!("file: {wanted:?}: expected {names}")))
            }
        },
        None => output::print(&FILES.map(|(name, text)| format!("// === {name} ===\n{text}")).join("\n")),
    }
}

fn write(path: &std::path::Path, text: &str) -> Result<(), Failure> {
    let folder = path.parent().expect("the names have folders");
    fs::create_dir_all(folder)
        .and_then(|()| fs::write(path, text))
        .map_err(|error| Failure::Internal(format!("could not write {}: {error}", path.display())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_file_of_the_package_is_there() {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../proto/sidecommit/v1");
        let mut on_disk: Vec<String> = fs::read_dir(folder)
            .unwrap()
            .map(|entry| format!("sidecommit/v1/{}", entry.unwrap().file_name().to_string_lossy()))
            .collect();
        on_disk.sort();
        let mut ours = FILES.map(|(name, _)| name.to_owned());
        ours.sort();
        assert_eq!(on_disk, ours);
    }
}
