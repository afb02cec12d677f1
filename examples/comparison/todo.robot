*** Settings ***
Documentation     What people can rely on who write clients for the todo service.
Library           Process
Library           RequestsLibrary
Test Setup        Start Todo
Test Teardown     Terminate All Processes    kill=True

*** Variables ***
${URL}            http://localhost:8000

*** Test Cases ***
A New List Is Empty
    ${response}=    GET    ${URL}/items    expected_status=200
    Should Be Equal    ${response.headers}[Content-Type]    application/json
    Should Be Empty    ${response.json()}

A New Item Gets A Number And A Place
    ${new}=    Create Dictionary    title=milk
    ${response}=    POST    ${URL}/items    json=${new}    expected_status=201
    Should Be Equal    ${response.headers}[Location]    /items/1
    ${expected}=    Create Dictionary    id=${1}    title=milk    done=${False}
    Should Be Equal    ${response.json()}    ${expected}
    ${response}=    GET    ${URL}/items
    Length Should Be    ${response.json()}    1
    Should Be Equal    ${response.json()}[0][title]    milk

An Item Is Done
    ${new}=    Create Dictionary    title=milk
    ${response}=    POST    ${URL}/items    json=${new}
    ${item}=    Set Variable    ${response.json()}[id]
    ${change}=    Create Dictionary    done=${True}
    ${response}=    PATCH    ${URL}/items/${item}    json=${change}    expected_status=200
    Should Be Equal    ${response.json()}[title]    milk
    Should Be Equal    ${response.json()}[done]    ${True}

An Item That Does Not Exist
    ${response}=    GET    ${URL}/items/7    expected_status=404
    Should Be Equal    ${response.json()}[error]    there is no item 7

What Is No Item Is Refused
    ${new}=    Create Dictionary    titel=milk
    ${response}=    POST    ${URL}/items    json=${new}    expected_status=422
    Should Be Equal    ${response.json()}[error]    an item needs a title
    POST    ${URL}/items    data=milk    expected_status=400

*** Keywords ***
Start Todo
    Start Process    python3    todo.py    8000    cwd=${CURDIR}    stdout=${OUTPUT_DIR}/todo.log    stderr=STDOUT
    Wait Until Keyword Succeeds    5s    50ms    GET    ${URL}/items
