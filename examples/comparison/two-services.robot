*** Settings ***
Documentation     What customers see when both services run, and when one of them does not.
Library           Process
Library           RequestsLibrary
Test Teardown     Terminate All Processes    kill=True

*** Variables ***
${ORDERS}         http://localhost:7002
${STOCK}          http://localhost:7001

*** Test Cases ***
An Order That Can Be Delivered Is Accepted
    Start Stock
    Start Orders
    ${order}=    Create Dictionary    article=pear    count=${2}
    POST    ${ORDERS}/orders    json=${order}    expected_status=201
    ${response}=    GET    ${STOCK}/pear
    Should Be Equal As Integers    ${response.json()}[left]    8

An Order That Cannot Be Delivered Is Refused
    Start Stock
    Start Orders
    ${order}=    Create Dictionary    article=pear    count=${11}
    ${response}=    POST    ${ORDERS}/orders    json=${order}    expected_status=409
    Should Be Equal    ${response.json()}[error]    only 10 of pear are left

The Stock Service Is Down
    Start Stock
    Start Orders
    Terminate Process    stock
    ${order}=    Create Dictionary    article=pear    count=${2}
    ${response}=    POST    ${ORDERS}/orders    json=${order}    expected_status=503
    Should Be Equal    ${response.headers}[Retry-After]    30
    Process Should Be Running    orders

The Stock Service Comes Back
    Start Orders
    ${response}=    GET    ${ORDERS}/health
    Should Be Equal    ${response.json()}[stock]    down
    Start Stock
    Wait Until Keyword Succeeds    5s    50ms    Stock Is Up

*** Keywords ***
Start Stock
    Start Process    python3    stock.py    cwd=${CURDIR}    alias=stock    stdout=${OUTPUT_DIR}/stock.log    stderr=STDOUT
    Wait Until Keyword Succeeds    5s    50ms    GET    ${STOCK}/pear

Start Orders
    Start Process    python3    orders.py    cwd=${CURDIR}    alias=orders    stdout=${OUTPUT_DIR}/orders.log    stderr=STDOUT
    Wait Until Keyword Succeeds    5s    50ms    GET    ${ORDERS}/health

Stock Is Up
    ${response}=    GET    ${ORDERS}/health
    Should Be Equal    ${response.json()}[stock]    up
