use subplotlib::prelude::*;

#[derive(Debug, Default)]
struct Greeting {
    text: String,
}

impl ContextElement for Greeting {}

#[step]
fn greet(greeting: &mut Greeting, name: &str, times: usize, file: SubplotDataFile) {
    greeting.text = format!("{} {name}", String::from_utf8_lossy(file.data()).trim()).repeat(times);
}

#[step]
fn forget(greeting: &mut Greeting, _name: &str, _times: usize, _file: SubplotDataFile) {
    greeting.text.clear();
}

#[step]
fn greeted(greeting: &Greeting, text: &str) {
    assert_eq!(greeting.text, text);
}

lazy_static! {
    static ref SUBPLOT_EMBEDDED_FILES: Vec<SubplotDataFile> = vec![SubplotDataFile::new("d29yZA==", "aGVsbG8K"),];
}

// Greeting
#[test]
#[allow(non_snake_case)]
fn greeting() {
    let mut scenario = Scenario::new(&base64_decode("R3JlZXRpbmc="), "unknown");

    let step = greet::Builder::default()
        .name(
            // "you"
            &base64_decode("eW91"),
        )
        .times(1)
        .file({
            use std::path::PathBuf;
            // word
            let target_name: PathBuf = base64_decode("d29yZA==").into();
            SUBPLOT_EMBEDDED_FILES
                .iter()
                .find(|df| df.name() == target_name)
                .expect("Unable to find file at runtime")
                .clone()
        })
        .build(1, format!("{} {}", "when", base64_decode("SSBncmVldCB5b3U=")), "unknown");
    let cleanup = forget::Builder::default()
        .name(&base64_decode("eW91"))
        .times(1)
        .build(1, format!("{} {}", "when", base64_decode("SSBncmVldCB5b3U=")), "unknown");
    scenario.add_step(step, Some(cleanup));

    let step = greeted::Builder::default()
        .text(&base64_decode("aGVsbG8geW91"))
        .build(2, format!("{} {}", "then", base64_decode("aXQgaXMgc28=")), "unknown");
    scenario.add_step(step, None);
    let step = subplotlib::steplibrary::files::make_directory::Builder::default()
        .path(std::path::PathBuf::from(base64_decode("YQ==")))
        .build(2, format!("{} {}", "then", base64_decode("aXQgaXMgc28=")), "unknown");
    scenario.add_step(step, None);

    scenario.run().unwrap();
}
