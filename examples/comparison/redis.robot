*** Settings ***
Documentation     What we rely on in redis.
Library           Process
Library           OperatingSystem
Test Setup        Create Directory    ${DATA}
Test Teardown     Clean Up

*** Variables ***
${DATA}           ${TEMPDIR}/redis-robot
@{DURABLE}        --dir    ${DATA}    --appendonly    yes    --appendfsync    always

*** Test Cases ***
The Server Answers
    Start Redis    --save    ${EMPTY}
    ${answer}=    Redis    ping
    Should Be Equal    ${answer}    PONG

A Session Expires
    Start Redis    --save    ${EMPTY}
    Redis    set    session:1    alice    px    200
    ${answer}=    Redis    get    session:1
    Should Be Equal    ${answer}    alice
    Wait Until Keyword Succeeds    2s    50ms    Session Is Gone

Sessions Survive A Restart
    Start Redis    --dir    ${DATA}    --save    900 1
    Redis    set    session:1    alice
    Terminate Process    redis
    Start Redis    --dir    ${DATA}    --save    900 1
    ${answer}=    Redis    get    session:1
    Should Be Equal    ${answer}    alice

Sessions Survive A Crash
    Start Redis    @{DURABLE}
    Redis    set    session:1    alice
    Send Signal To Process    KILL    redis
    Wait For Process    redis
    Start Redis    @{DURABLE}
    ${answer}=    Redis    get    session:1
    Should Be Equal    ${answer}    alice

A Second Server On The Same Port Is Refused
    Start Redis    --save    ${EMPTY}
    ${second}=    Run Process    redis-server    --port    6379    --save    ${EMPTY}
    Should Not Be Equal As Integers    ${second.rc}    0
    Should Contain    ${second.stdout}    Address already in use

*** Keywords ***
Start Redis
    [Arguments]    @{options}
    Start Process    redis-server    --port    6379    @{options}    alias=redis    stdout=${OUTPUT_DIR}/redis.log    stderr=STDOUT
    Wait Until Keyword Succeeds    5s    50ms    Redis    ping

Redis
    [Arguments]    @{command}
    ${result}=    Run Process    redis-cli    @{command}
    Should Be Equal As Integers    ${result.rc}    0    ${result.stderr}
    RETURN    ${result.stdout}

Session Is Gone
    ${answer}=    Redis    exists    session:1
    Should Be Equal    ${answer}    0

Clean Up
    Terminate All Processes    kill=True
    Remove Directory    ${DATA}    recursive=True
