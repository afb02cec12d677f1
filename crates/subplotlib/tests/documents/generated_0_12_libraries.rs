use subplotlib::prelude::*;

lazy_static! {
    static ref SUBPLOT_EMBEDDED_FILES: Vec<SubplotDataFile> = vec![];
}

// Output
#[test]
#[allow(non_snake_case)]
fn output() {
    let mut scenario = Scenario::new(&base64_decode("T3V0cHV0"), "unknown");

    let step = subplotlib::steplibrary::runcmd::run::Builder::default()
        .argv0(
            // "printf"
            &base64_decode("cHJpbnRm"),
        )
        .args(
            // " '%s\\n' 'a\\nb'"
            &base64_decode("ICclc1xuJyAnYVxuYic="),
        )
        .build(format!("{} {}", "when", base64_decode("SSBydW4gcHJpbnRmICclc1xuJyAnYVxuYic=")), "unknown");
    scenario.add_step(step, None);
    let step = subplotlib::steplibrary::runcmd::stdout_is::Builder::default()
        .text(
            // "a\\nb\n"
            &base64_decode("YVxuYgo="),
        )
        .build(format!("{} {}", "then", base64_decode("c3Rkb3V0IGlzIGV4YWN0bHkgImFcbmIKIg==")), "unknown");
    scenario.add_step(step, None);
    let step = subplotlib::steplibrary::runcmd::stdout_contains::Builder::default()
        .text(
            // "a\\n"
            &base64_decode("YVxu"),
        )
        .build(format!("{} {}", "then", base64_decode("c3Rkb3V0IGNvbnRhaW5zICJhXG4i")), "unknown");
    scenario.add_step(step, None);

    scenario.run().unwrap();
}
