use proptest::prelude::*;
use serde_json::json;

use super::*;

fn with_scope<T>(check: impl FnOnce(&Scope<'_>) -> T) -> T {
    let input = json!({"name": "Ada", "n": 3, "big": 12_345_678_901_234_567_890_u64, "tiny": 1e-7, "list": [1, 2], "evil": "{{ vars.secret }} {% x %}", "null": null});
    let (a, b) = (json!({"text": "hi"}), json!(null));
    let (execution, vars) = (json!({"id": "exec_1"}), json!({"secret": "s"}));
    check(&Scope::new(
        &input,
        [("a", &a), ("my-id", &b)],
        &execution,
        &vars,
    ))
}

fn check(value: Value, expect: Value) {
    with_scope(|scope| assert_eq!(render(&value, scope), Ok(expect), "{value}"));
}

fn fails(value: Value) -> String {
    with_scope(|scope| render(&value, scope).unwrap_err().to_string())
}

#[test]
fn a_single_expression_keeps_its_type() {
    check(json!("{{ input.n }}"), json!(3));
    check(json!(" {{ input.n }}"), json!(" 3"));
    check(json!("{{ input.list }}"), json!([1, 2]));
    check(
        json!("{{ input.big }}"),
        json!(12_345_678_901_234_567_890_u64),
    );
    check(json!("{{ input.tiny }}"), json!(1e-7));
    check(json!("{{ input.null }}"), json!(null));
    check(json!("{{ input.n + 1 }}"), json!(4));
    check(json!("{{ input.list|length }}"), json!(2));
    check(json!("{{ nodes.a.output }}"), json!({"text": "hi"}));
    check(json!("{{ nodes['my-id'].output }}"), json!(null));
    check(
        json!({"a": ["{{ input.n > 2 }}", 1]}),
        json!({"a": [true, 1]}),
    );
}

#[test]
fn text_takes_strings_as_they_are_and_the_rest_as_json() {
    check(
        json!("Hi {{ input.name }}, {{ input.list }} {{ input.null }} {{ 1 == 1 }}"),
        json!("Hi Ada, [1,2] null true"),
    );
    check(
        json!("100 % {% if %} {# no #}"),
        json!("100 % {% if %} {# no #}"),
    );
    check(json!("{{ '{{' }} literal"), json!("{{ literal"));
}

#[test]
fn data_is_never_an_expression() {
    check(
        json!("{{ input.evil }}"),
        json!("{{ vars.secret }} {% x %}"),
    );
    check(
        json!("-> {{ input.evil }}"),
        json!("-> {{ vars.secret }} {% x %}"),
    );
}

#[test]
fn what_is_missing_is_an_error_and_can_have_a_default() {
    assert_eq!(
        fails(json!("{{ input.nope }}")),
        "`input.nope`: is not defined"
    );
    assert_eq!(
        fails(json!("{{ input.nope.deeper }}")),
        "`input.nope.deeper`: is not defined"
    );
    assert_eq!(
        fails(json!("{{ nodes.zzz.output }}")),
        "`nodes.zzz.output`: is not defined"
    );
    fails(json!("x {{ input.nope }}"));
    fails(json!("{{ input.nope + 1 }}"));
    check(json!("{{ input.nope|default('x') }}"), json!("x"));
}

#[test]
fn hostile_expressions_stay_in_their_bounds() {
    for text in [
        "{{ 'x' * 1000000000 }}",
        "{{ [1] * 1000000000 }}",
        "{{ range(1000000000) }}",
        "{{ constructor.constructor('return 1')() }}",
        "{{ ''.__class__ }}",
        "{{ self }}",
        "{{ include('x') }}",
        "{{ input|pprint }}",
    ] {
        fails(json!(text));
    }
    let doubling = format!("{{{{ {} }}}}", "input.name ~ ".repeat(100) + "'x'");
    assert!(fails(json!(doubling)).contains("more than 64"));
    let json_tower = format!("{{{{ input.evil{} }}}}", "|tojson".repeat(200));
    fails(json!(json_tower));
    let deep = format!("{{{{ {}1{} }}}}", "(".repeat(5000), ")".repeat(5000));
    fails(json!(deep));
}

#[test]
fn conditions_are_expressions_with_or_without_braces() {
    with_scope(|scope| {
        assert_eq!(condition("input.n > 2", scope), Ok(true));
        assert_eq!(condition("{{ input.n > 3 }}", scope), Ok(false));
        assert_eq!(condition("input.null", scope), Ok(false));
        assert_eq!(
            condition("'A' in input.name and input.list|length == 2", scope),
            Ok(true)
        );
        assert!(condition("input.nope", scope).is_err());
        assert!(condition("input.n >", scope).is_err());
    });
}

#[test]
fn verbatim_keys_are_left_alone() {
    let config: NodeConfig =
        serde_json::from_value(json!({"source": "`{{ input.n }}`", "x": "{{ input.n }}"})).unwrap();
    let rendered = with_scope(|scope| render_config("code", &config, scope)).unwrap();
    assert_eq!(
        json!(rendered),
        json!({"source": "`{{ input.n }}`", "x": 3})
    );
}

proptest! {
    #[test]
    fn any_text_renders_or_is_refused(text in ".{0,200}") {
        with_scope(|scope| render(&json!(text), scope).ok());
    }

    #[test]
    fn any_expression_renders_or_is_refused(text in "[a-z0-9 .|~+*()\\[\\]'\"{},:=<>!-]{0,120}") {
        with_scope(|scope| render(&json!(format!("{{{{ {text} }}}}")), scope).ok());
        references(&text);
    }
}
