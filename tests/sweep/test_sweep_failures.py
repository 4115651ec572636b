"""Failing and diverging: the others go on, and what failed says why."""

from sweeper_home import Home


def test_a_diverging_variant_is_a_result_and_stops_nothing(cluster_home: Home) -> None:
    home = cluster_home
    design = "design={kind: variants, variants: {sane: {}, wild: {optimizer.learning_rate: 1.0e+30}}}"
    output = home.sweep("--set", design, "--set", "contrasts=[]", exit_code=3)
    assert "1 of 1 diverged" in output
    assert [(o.variant, o.state) for o in home.snapshot().outcomes] == [("sane", "finished"), ("wild", "diverged")]
    status = home.run("status")
    assert "loss became nan at step" in status or "loss became inf at step" in status
    assert "to run" not in home.sweep("--set", design, "--set", "contrasts=[]", exit_code=3)  # a result is not run again


def test_a_failing_trial_shows_its_first_real_exception_and_is_tried_again(cluster_home: Home) -> None:
    home = cluster_home
    judge = next((home.path / "artifacts" / "judges").glob("*.safetensors"))
    whole = judge.read_bytes()
    judge.write_bytes(whole[:100])
    home.sweep(exit_code=3)
    status = home.run("status")
    assert "2 failed" in status
    assert "SafetensorError" in status
    shown = home.run("show", home.snapshot().outcomes[0].fingerprint[:6])
    assert "Traceback" in shown
    judge.write_bytes(whole)
    home.sweep()
    assert {o.attempts for o in home.snapshot().outcomes} == {2}
