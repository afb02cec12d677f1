//! Twelve planted failures, as the screen shows them to a reader who does not know the documents.
//!
//! Each screen must say what went wrong, where, and what to do next.

use std::fs;

use snapbox::IntoData;
use snapbox::str;

use crate::support::{Project, fixture};

/// Runs a document of `fixtures/planted` and compares its screen.
fn shows(document: &str, code: i32, screen: impl IntoData) {
    let Some(project) = Project::sealed() else { return };
    let text = |name: &str| fs::read(fixture("planted").join(name)).unwrap();
    let project = project.file("stock.py", text("stock.py")).file("stock.yaml", text("stock.yaml"));
    let project = project.file(document, text(document)).env("PYTHONUNBUFFERED", "");
    project.run(["run", document]).code(code).stderr("").stdout(screen);
}

#[test]
fn a_daemon_that_misses_its_configuration() {
    shows(
        "orders.md",
        1,
        str![[r#"
greenroom [VERSION]: 1 scenario in orders.md

FAIL [TIME]  An order is accepted
  in orders.md:10, scenario at orders.md:6

    ok [TIME]  given file orders.py
    FAILED [TIME]  when I start "python3 orders.py" as a background process as orders, on port 7001
                      2 steps not run

  daemon orders ended with exit status 1 after [TIME] before it listened on port 7001
  stderr of daemon orders:
    │ orders: cannot read orders.json: no such file
  help: orders.json is not in the scenario's directory: embed it in the document and write `given file orders.json` before this step

  daemon orders: exited with status 1 after [TIME]
    command: python3 orders.py
    stderr of daemon orders: see above

  rerun: greenroom run orders.md --name 'An order is accepted'

FAILED: 1 of 1 scenario failed, [TIME]
  failed  orders.md:6  An order is accepted

"#]],
    );
}

#[test]
fn an_http_wait_for_the_wrong_path() {
    shows(
        "health.md",
        1,
        str![[r#"
greenroom [VERSION]: 1 scenario in health.md

FAIL [TIME]  The shop becomes healthy
  in health.md:11, scenario at health.md:6

    ok [TIME]  given file shop.py
    ok [TIME]  when I start "python3 -u shop.py" as a background process as shop, on port 7002
    FAILED [TIME]  and I wait for http://127.0.0.1:7002/health to answer with status 200, for at most 2 seconds
                      1 step not run

  http://127.0.0.1:7002/health did not answer with status 200 within 2 s
  note: last attempt: it answered with status 404
  note: daemon shop is running
  note: daemon shop (python3 -u shop.py) answers there
  help: it has nothing at `/health`: correct the path in this step, or add it to the server

  daemon shop: still running at the end of the scenario
    command: python3 -u shop.py
    stdout of daemon shop:
      │ shop listens on 7002

  1 leftover process, stopped at the end:
    python3 -u shop.py  (daemon shop, running for [TIME])

  rerun: greenroom run health.md --name 'The shop becomes healthy'

FAILED: 1 of 1 scenario failed, [TIME]
  failed  health.md:6  The shop becomes healthy

"#]],
    );
}

#[test]
fn a_wait_for_text_that_is_held_back() {
    shows(
        "ready.md",
        1,
        str![[r#"
greenroom [VERSION]: 1 scenario in ready.md

FAIL [TIME]  The worker reports that it is ready
  in ready.md:11, scenario at ready.md:6

    ok [TIME]  given file worker.py
    ok [TIME]  when I start "python3 worker.py" as a background process as worker
    FAILED [TIME]  and I wait for daemon worker to write "ready" to stdout, for at most 2 seconds
                      1 step not run

  daemon worker did not write "ready" to stdout within 2 s
  note: it has written nothing to stdout; it may hold its output back, because stdout is not a terminal
  help: start it with `python3 -u`, set PYTHONUNBUFFERED=1 in its environment, or write `print(..., flush=True)`

  daemon worker: still running at the end of the scenario
    command: python3 worker.py
    no output

  1 leftover process, stopped at the end:
    python3 worker.py  (daemon worker, running for [TIME])

  rerun: greenroom run ready.md --name 'The worker reports that it is ready'

FAILED: 1 of 1 scenario failed, [TIME]
  failed  ready.md:6  The worker reports that it is ready

"#]],
    );
}

#[test]
fn a_text_that_is_nearly_in_a_long_output() {
    shows(
        "import.md",
        1,
        str![[r#"
greenroom [VERSION]: 1 scenario in import.md

FAIL [TIME]  Prices are imported
  in import.md:12, scenario at import.md:6

    ok [TIME]  given file prices.csv
    ok [TIME]  and file import.py
    ok [TIME]  when I run python3 import.py prices.csv
    FAILED [TIME]  then stdout contains "imported 1200 prices, 1 rejected: pear"

  stdout of the command does not contain the expected text
  expected to contain:
    │ imported 1200 prices, 1 rejected: pear
  the closest text is in line 701:
    expected: imported 1200 prices, 1 rejected: pear
    actual:   imported 1200 prices, 2 rejected: pear, plum
                                    ^
  actual (lines 698 to 704; -v shows more):
    │ 698  price 698 read from prices.csv
    │ 699  price 699 read from prices.csv
    │ 700  price 700 read from prices.csv
    │ 701  imported 1200 prices, 2 rejected: pear, plum
    │ 702  price 701 read from prices.csv
    │ 703  price 702 read from prices.csv
    │ 704  price 703 read from prices.csv
  note: the command `python3 import.py prices.csv` ended with exit status 0

  rerun: greenroom run import.md --name 'Prices are imported'

FAILED: 1 of 1 scenario failed, [TIME]
  failed  import.md:6  Prices are imported

"#]],
    );
}

#[test]
fn a_directory_in_place_of_a_file() {
    shows(
        "export.md",
        1,
        str![[r#"
greenroom [VERSION]: 1 scenario in export.md

FAIL [TIME]  The report is exported
  in export.md:10, scenario at export.md:6

    ok [TIME]  when I run sh -c "mkdir -p out/report.txt && echo done"
    FAILED [TIME]  then file out/report.txt contains "total: 12"

  out/report.txt is a directory, not a file
  note: the directory is empty
  note: the latest command names it: `sh -c "mkdir -p out/report.txt && echo done"`
  help: have the command write a file there, not create a directory of that name; or name a file in out/report.txt in this step

  rerun: greenroom run export.md --name 'The report is exported'

FAILED: 1 of 1 scenario failed, [TIME]
  failed  export.md:6  The report is exported

"#]],
    );
}

#[test]
fn a_daemon_that_does_not_stop() {
    shows(
        "stop.md",
        1,
        str![[r#"
greenroom [VERSION]: 1 scenario in stop.md

FAIL [TIME]  The cache shuts down cleanly
  in stop.md:12, scenario at stop.md:6

    ok [TIME]  given file cache.py
    ok [TIME]  when I start "python3 -u cache.py" as a background process as cache
    ok [TIME]  and I wait for daemon cache to write "cache up" to stdout
    FAILED [TIME]  when I stop background process cache, within 1 seconds
                      1 step not run

  daemon cache did not end within 1 s of SIGTERM and was killed
  note: it had been running for [TIME]
  note: when the limit passed it was running "python3 -u cache.py" (process [PID], asleep)
  stdout of daemon cache:
    │ cache up
  stdout of daemon cache, after it was asked to end:
    │ flushing
  help: correct its handling of SIGTERM; or give it more time: `when I stop background process cache, within 30 seconds`

  daemon cache: killed because it did not end after SIGTERM; signal SIGKILL after [TIME]
    command: python3 -u cache.py
    stdout of daemon cache: see above

  rerun: greenroom run stop.md --name 'The cache shuts down cleanly'

FAILED: 1 of 1 scenario failed, [TIME]
  failed  stop.md:6  The cache shuts down cleanly

"#]],
    );
}

#[test]
fn a_daemon_that_crashes_while_a_step_waits() {
    shows(
        "crash.md",
        1,
        str![[r#"
greenroom [VERSION]: 1 scenario in crash.md

FAIL [TIME]  The parser survives an empty document
  in crash.md:11, scenario at crash.md:6

    ok [TIME]  given file parser.py
    ok [TIME]  when I start "python3 -u parser.py" as a background process as parser
    FAILED [TIME]  and I wait for daemon parser to write "parsed empty.xml" to stdout

  daemon parser ended with signal SIGSEGV without writing "parsed empty.xml" to stdout
  stdout of daemon parser:
    │ parsing empty.xml
  help: this is a fault of the program: run the scenario with `--keep` and start the command in the kept directory under a debugger, or start it with `python3 -X faulthandler` to see the line

  daemon parser: killed by SIGSEGV after [TIME]; greenroom did not send it
    command: python3 -u parser.py
    stdout of daemon parser: see above

  rerun: greenroom run crash.md --name 'The parser survives an empty document'

FAILED: 1 of 1 scenario failed, [TIME]
  failed  crash.md:6  The parser survives an empty document

"#]],
    );
}

#[test]
fn a_daemon_that_writes_without_end() {
    shows(
        "limit.md",
        1,
        str![[r#"
greenroom [VERSION]: 1 scenario in limit.md

FAIL [TIME]  The job runs quietly
  in limit.md:10, scenario at limit.md:6

    ok [TIME]  when I start "yes nothing to report" as a background process as job
    FAILED [TIME]  and I wait for daemon job to end, for at most 60 seconds
                      1 step not run

  stdout of daemon job exceeded the output limit of 64 MiB (= 67.1 MB); the processes that wrote to it were killed
  help: stop it from writing without end; if it is meant to write this much, raise the limit with `output_limit` in the document's metadata or `--output-limit`

  daemon job: killed because its output exceeded the limit
    command: yes nothing to report
    stdout of daemon job (last 10 lines, 67.1 MB before; -v shows more):
      │ nothing to report
      │ nothing to report
      │ nothing to report
      │ nothing to report
      │ nothing to report
      │ nothing to report
      │ nothing to report
      │ nothing to report
      │ nothing to report
      │ noth

  rerun: greenroom run limit.md --name 'The job runs quietly'

FAILED: 1 of 1 scenario failed, [TIME]
  failed  limit.md:6  The job runs quietly

"#]],
    );
}

#[test]
fn a_command_that_takes_too_long() {
    shows(
        "slow.md",
        1,
        str![[r#"
greenroom [VERSION]: 1 scenario in slow.md

FAIL [TIME]  A backup finishes
  in slow.md:11, scenario at slow.md:7

    ok [TIME]  given file backup.sh
    FAILED [TIME]  when I run sh backup.sh
                      1 step not run

  the step exceeded its time limit of 2 s while waiting for the command `sh backup.sh`
  note: when the limit passed it was running "sleep 100" (process [PID], asleep)
  stdout of the command:
    │ copying /var/lib/shop
  help: if it hangs there, correct it; if it needs more time, set `step_timeout` in the document's metadata

  rerun: greenroom run slow.md --name 'A backup finishes'

FAILED: 1 of 1 scenario failed, [TIME]
  failed  slow.md:7  A backup finishes

"#]],
    );
}

#[test]
fn a_python_step_that_mixes_up_types() {
    shows(
        "python.md",
        1,
        str![[r#"
greenroom [VERSION]: 1 scenario in python.md

FAIL [TIME]  Stock is counted
  in python.md:12, scenario at python.md:8

    ok [TIME]  given a stock of 12 apples
    FAILED [TIME]  when 5 apples are sold
                      1 step not run

  TypeError: unsupported operand type(s) for -=: 'str' and 'int'
  note: ctx["apples"] = '12', set by stock_of
  note: called as sell(ctx, count='5')
  where it failed:
    │   File "[PROJECT]/stock.py", line 5, in sell
    │     ctx["apples"] -= int(count) + 1
  help: ctx["apples"] is text, as captures are: convert it in stock_of with int() or float()

  rerun: greenroom run python.md --name 'Stock is counted'

FAILED: 1 of 1 scenario failed, [TIME]
  failed  python.md:8  Stock is counted

"#]],
    );
}

#[test]
fn a_leftover_server_that_ignores_sigterm() {
    shows(
        "deaf.md",
        0,
        str![[r#"
greenroom [VERSION]: 1 scenario in deaf.md

PASS [TIME]  The mail server starts  (deaf.md:6; killed at the end: mail did not end within 5.[..] s of SIGTERM; its last line after SIGTERM: still delivering)

help: make daemon mail end on SIGTERM; or stop it in the scenario with more time, `when I stop background process mail, within 30 seconds`, or at once, `when I send signal SIGKILL to daemon mail`
1 scenario passed, 3 steps, [TIME]

"#]],
    );
}

#[test]
fn a_server_on_the_port_of_another() {
    shows(
        "port.md",
        1,
        str![[r#"
greenroom [VERSION]: 1 scenario in port.md

FAIL [TIME]  Shop and stock run side by side
  in port.md:11, scenario at port.md:6

    ok [TIME]  given file server.py
    ok [TIME]  when I start "python3 server.py 8080" as a background process as stock, on port 8080
    FAILED [TIME]  and I start "python3 server.py 8080" as a background process as shop, on port 8081
                      1 step not run

  daemon shop ended with exit status 1 after [TIME] before it listened on port 8081
  note: it found its address in use; listening: stock on 127.0.0.1:8080
  stderr of daemon shop:
    │ server: Address already in use
  help: the command has port 8080, but this step waits for port 8081: write `python3 server.py 8081`

  daemon stock: still running at the end of the scenario
    command: python3 server.py 8080
    no output

  daemon shop: exited with status 1 after [TIME]
    command: python3 server.py 8080
    stderr of daemon shop: see above

  1 leftover process, stopped at the end:
    python3 server.py 8080  (daemon stock, running for [TIME])

  rerun: greenroom run port.md --name 'Shop and stock run side by side'

FAILED: 1 of 1 scenario failed, [TIME]
  failed  port.md:6  Shop and stock run side by side

"#]],
    );
}
