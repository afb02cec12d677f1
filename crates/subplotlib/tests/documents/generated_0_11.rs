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
            // " '%s\n' 'a\nb'"
            &base64_decode("ICclc1xuJyAnYVxuYic="),
        )
        .build(format!("{} {}", "when", base64_decode("SSBydW4gcHJpbnRmICclc1xuJyAnYVxuYic=")), "unknown");
    scenario.add_step(step, None);
    let step = subplotlib::steplibrary::runcmd::stdout_is::Builder::default()
        .text(
            // "a\\nb\n"
            &base64_decode("YVxcbmJcbg=="),
        )
        .build(format!("{} {}", "then", base64_decode("c3Rkb3V0IGlzIGV4YWN0bHkgImFcXG5iXG4i")), "unknown");
    scenario.add_step(step, None);
    let step = subplotlib::steplibrary::runcmd::stdout_contains::Builder::default()
        .text(
            // "b\n"
            &base64_decode("Ylxu"),
        )
        .build(format!("{} {}", "then", base64_decode("c3Rkb3V0IGNvbnRhaW5zICJiXG4i")), "unknown");
    scenario.add_step(step, None);
    let step = subplotlib::steplibrary::runcmd::stdout_matches_regex::Builder::default()
        .regex(
            // "^a\\nb$"
            &base64_decode("XmFcXG5iJA=="),
        )
        .build(format!("{} {}", "then", base64_decode("c3Rkb3V0IG1hdGNoZXMgcmVnZXggXmFcXG5iJA==")), "unknown");
    scenario.add_step(step, None);

    scenario.run().unwrap();
}
