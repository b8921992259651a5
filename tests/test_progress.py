from sensorium_tf.progress import progress


def test_a_bar_is_for_terminals_and_goes_in_the_end(monkeypatch, capsys):
    assert list(progress([1, 2], "reading")) == [1, 2]
    assert capsys.readouterr().err == ""
    monkeypatch.setattr("sys.stderr.isatty", lambda: True, raising=False)
    assert list(progress(range(300), "reading")) == list(range(300))
    shown = capsys.readouterr().err
    assert shown.startswith("\rreading [") and " 99%\r" in shown
    assert shown.count("\r") == 102 and not shown.split("\r")[-2].strip()
