//! Prints the bill of materials of the program: `cargo run --package acceptance --bin sbom`.

fn main() -> anyhow::Result<()> {
    println!("{:#}", acceptance::bill::bill_of_materials()?);
    Ok(())
}
