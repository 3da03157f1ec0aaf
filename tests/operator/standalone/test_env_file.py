"""Files of variables: what their lines mean, and what is said of a line that means nothing."""

import pytest

from switchover_operator.standalone.env_file import NotVariables, variables_of


@pytest.mark.parametrize(
    ("line", "value"),
    [
        ("A=b", "b"),
        ("  A=b  ", "b"),
        ("export A=b", "b"),
        ("A=", ""),
        ("A=''", ""),
        ("A= b", "b"),
        ("A=b c", "b c"),
        ("A=b # a comment", "b"),
        ("A=b#c", "b#c"),
        ("A= # a comment", ""),
        ("A=#b", "#b"),
        ("A='b # c' # a comment", "b # c"),
        ('A="b # c"', "b # c"),
        ("A='b\\n'", "b\\n"),
        ('A="b\\n\\"c\\" \\\\ \\x"', 'b\n"c" \\ \\x'),
        ("A=b=c", "b=c"),
        ("A=it's", "it's"),
        ("A=${B}$C", "${B}$C"),
        ('A="${B}"', "${B}"),
        ("A=é", "é"),
    ],
)
def test_a_line_is_a_name_and_its_value(line: str, value: str) -> None:
    assert variables_of(f"# first\n\n{line}\r\n".encode()) == {"A": value}


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("just-A-s3cret", "no variable: a line is NAME=VALUE"),
        ("A: s3cret", "no variable"),
        ("1A=s3cret", "no variable"),
        ("A-B=s3cret", "no variable"),
        ("=s3cret", "no variable"),
        ("export A", "no variable"),
        ("A =s3cret", "white space between the name A and ="),
        ("A='s3cret", "the value of A begins with a quotation mark"),
        ('A="s3cret" s3cret', "the value of A begins with a quotation mark"),
        ("A='s3cret'#", "the value of A begins with a quotation mark"),
        ("A=s3cret\0", "a NUL character"),
        ("B=s3cret", "B stands in this file twice, first in line 1"),
    ],
)
def test_a_line_that_is_none_is_named_by_its_number_and_never_repeated(line: str, says: str) -> None:
    with pytest.raises(NotVariables, match=says) as refused:
        variables_of(f"B=1\n{line}\n".encode())
    assert refused.value.line == 2
    assert "s3cret" not in str(refused.value)
