//! The step libraries: a document with all of their steps, and what their bindings have in common with greenroom's.

use std::collections::BTreeMap;

use greenroom_doc::{Binding, SourceFile, bindings_of};

subplotlib::codegen!("tests/documents/libraries.subplot");

/// What steps a binding matches, and the names of its captures.
type Pattern = (String, Vec<String>);

fn bindings(text: &str) -> BTreeMap<Pattern, Binding> {
    let (_, bindings, diagnostics) = bindings_of(SourceFile::builtin("lib.yaml", text));
    assert_eq!(diagnostics, []);
    let captures = |binding: &Binding| {
        binding.captures.iter().map(|it| format!("{}: {}", it.name, it.kind.name())).collect::<Vec<_>>()
    };
    bindings
        .into_iter()
        .map(|binding| ((format!("{} {}", binding.kind.word(), binding.pattern), captures(&binding)), binding))
        .collect()
}

#[test]
fn bindings_are_those_of_greenroom_itself() {
    for (ours, native) in [
        (
            include_str!("../../subplotlib-macros/lib/datadir.yaml"),
            include_str!("../../steps/src/library/datadir.yaml"),
        ),
        (
            include_str!("../../subplotlib-macros/lib/files.yaml"),
            include_str!("../../steps/src/library/files/files.yaml"),
        ),
        (
            include_str!("../../subplotlib-macros/lib/runcmd.yaml"),
            include_str!("../../steps/src/library/runcmd/runcmd.yaml"),
        ),
    ] {
        let native: Vec<Pattern> =
            bindings(native).into_iter().filter(|(_, binding)| !binding.yields).map(|(pattern, _)| pattern).collect();
        assert_eq!(bindings(ours).into_keys().collect::<Vec<_>>(), native);
    }
}

#[test]
fn the_document_has_all_steps_of_the_libraries() {
    let libraries = ["datadir", "files", "runcmd"];
    let read = |path: String| std::fs::read_to_string(path).expect("a file of this workspace");
    let directory = env!("CARGO_MANIFEST_DIR");
    let document = read(format!("{directory}/tests/documents/libraries.md"));
    let all: usize = libraries
        .map(|name| bindings(&read(format!("{directory}/../subplotlib-macros/lib/{name}.yaml"))).len())
        .into_iter()
        .sum();
    assert!(all >= 65, "{all}");
    let files = greenroom_doc::MemoryLoader::default()
        .with("x.subplot", read(format!("{directory}/tests/documents/libraries.subplot")))
        .with("libraries.md", document);
    let builtin = libraries.map(|name| greenroom_doc::BuiltinFile {
        name: format!("lib/{name}.yaml"),
        text: Some(read(format!("{directory}/../subplotlib-macros/lib/{name}.yaml")).into()),
        reach: greenroom_doc::Reach::Listed,
        places: Vec::new(),
    });
    let loaded = greenroom_doc::load(&greenroom_doc::Request {
        documents: &["x.subplot".to_owned()],
        loader: &files,
        builtin: &builtin,
        can_run: &|_, _| true,
        may_be_empty: &|_| false,
        needs_scenarios: true,
    });
    let steps = loaded.plan.scenarios.iter().flat_map(|scenario| &scenario.steps);
    let used: std::collections::BTreeSet<usize> = steps.map(|step| step.binding).collect();
    let unused: Vec<&str> = loaded.plan.documents[0]
        .bindings
        .iter()
        .enumerate()
        .filter(|(at, _)| !used.contains(at))
        .map(|(_, binding)| binding.pattern.as_str())
        .collect();
    assert_eq!(unused, Vec::<&str>::new());
}
