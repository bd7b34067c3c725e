//! Writes what tonic generates from proto/ into a folder: `sidecommit-generate FOLDER`. It is checked in, so that a user of the
//! client needs neither protoc nor a build script.
#![forbid(unsafe_code)]

use std::{error::Error, path::PathBuf};

macro_rules! generated {
    ($file:literal) => {
        ($file, include_str!(concat!(env!("OUT_DIR"), "/", $file)))
    };
}

const FILES: [(&str, &str); 2] = [generated!("sidecommit.v1.rs"), generated!("google.rpc.rs")];

fn main() -> Result<(), Box<dyn Error>> {
    let folder: PathBuf = std::env::args_os().nth(1).ok_or("usage: sidecommit-generate FOLDER")?.into();
    for (name, text) in FILES {
        std::fs::write(folder.join(name), text)?;
    }
    Ok(())
}
