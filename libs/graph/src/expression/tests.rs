use std::time::Instant;

use minijinja::value::Serde;
use proptest::prelude::*;
use serde_json::json;

use super::{
    budget::{PASSED_TOO_LARGE, TOO_LARGE, TOO_MANY},
    *,
};

fn with_scope<T>(check: impl FnOnce(&Scope<'_>) -> T) -> T {
    let input = json!({
        "name": "Ada", "n": 3, "big": 12_345_678_901_234_567_890_u64, "low": i64::MIN, "tiny": 1e-7, "one": 1.0,
        "list": [1, 2], "people": [{"name": "Ada", "age": 36}, {"name": "Bob", "age": 7}],
        "evil": "{{ vars.secret }} {% x %}", "null": null, "yes": true,
        "long": "x".repeat(400_000), "many": vec![0; 50_000]
    });
    let (a, b) = (json!({"text": "hi"}), json!(null));
    let (execution, vars) = (json!({"id": "exec_1"}), json!({"secret": "s"}));
    check(&Scope::new(
        &input,
        [("a", &a), ("my-id", &b)],
        &execution,
        &vars,
        Round::default(),
    ))
}

fn check(value: Value, expect: Value) {
    with_scope(|scope| assert_eq!(render(&value, scope), Ok(expect), "{value}"));
}

fn value_of(expression: &str, expect: Value) {
    with_scope(|scope| assert_eq!(evaluate(expression, scope), Ok(expect), "{expression}"));
}

fn fails(expression: &str, reason: &str) {
    let error = with_scope(|scope| evaluate(expression, scope)).unwrap_err();
    assert!(
        error.reason.contains(reason),
        "{}: {}",
        shown(expression),
        error.reason
    );
}

#[test]
fn a_single_expression_keeps_its_type() {
    check(json!("{{ input.n }}"), json!(3));
    check(json!(" {{ input.n }}"), json!(" 3"));
    check(json!("{{ input.list }}"), json!([1, 2]));
    check(json!("{{ input.null }}"), json!(null));
    check(json!("{{ nodes.a.output }}"), json!({"text": "hi"}));
    check(json!("{{ nodes['my-id'].output }}"), json!(null));
    check(
        json!({"{{ k }}": ["{{ input.n > 2 }}", 1]}),
        json!({"{{ k }}": [true, 1]}),
    );
    value_of("input.n + 1", json!(4));
    value_of("input.list|length", json!(2));
    value_of("{'a': [input.n, none]}", json!({"a": [3, null]}));
}

#[test]
fn numbers_are_exact() {
    for (name, expect) in [
        ("big", json!(12_345_678_901_234_567_890_u64)),
        ("low", json!(i64::MIN)),
        ("tiny", json!(1e-7)),
        ("one", json!(1.0)),
    ] {
        value_of(&format!("input.{name}"), expect.clone());
        // The same by way of minijinja.
        value_of(&format!("[input.{name}][0]"), expect);
    }
    value_of("9007199254740993 + 0", json!(9_007_199_254_740_993_u64));
    fails("input.big * input.big", "more than 64 bits");
    fails("1e308 * 10.0", "not a finite number");
}

#[test]
fn text_takes_strings_as_they_are_and_the_rest_as_json() {
    check(
        json!("Hi {{ input.name }}, {{ input.list }} {{ input.null }} {{ 1 == 1 }}"),
        json!("Hi Ada, [1,2] null true"),
    );
    check(
        json!("100 % {# no comment #}"),
        json!("100 % {# no comment #}"),
    );
    check(
        json!("{{ '{{' }} and {{ '{%' }} literal"),
        json!("{{ and {% literal"),
    );
    with_scope(|scope| assert!(render(&json!("{% if input.n %}"), scope).is_err()));
}

#[test]
fn filters_and_operators_do_what_jinja_does() {
    value_of("input.name|upper ~ '!' ~ 2 * 3", json!("ADA!6"));
    value_of("'a' + 'b' ~ 1", json!("ab1"));
    value_of("[1] + [2] + input.list", json!([1, 2, 1, 2]));
    value_of("-input.n * -2|abs + 2 ** 3 % 3", json!(-4));
    value_of(
        "input.people|selectattr('age', 'gt', 18)|map(attribute='name')|join(', ')",
        json!("Ada"),
    );
    value_of("input.people|map(attribute='age')|sum", json!(43));
    value_of("(input.people|sort(attribute='age'))[0].name", json!("Bob"));
    value_of("input.name[1:]", json!("da"));
    value_of("'a,b'|split(',')|tojson", json!("[\"a\",\"b\"]"));
    value_of("{'a': 1}|tojson(indent=2)", json!("{\n  \"a\": 1\n}"));
    value_of("[1, none, 'x', [true]]|join('-')", json!("1-null-x-[true]"));
    value_of("'aXbX'|replace('X', 1)", json!("a1b1"));
    value_of("'a b'|urlencode", json!("a%20b"));
    value_of("'yes' if input.n is odd else 'no'", json!("yes"));
    value_of("input.n is not in [1, 2]", json!(true));
    value_of("1.5|round|int", json!(2));
}

#[test]
fn data_is_never_an_expression() {
    let evil = "{{ vars.secret }} {% x %}";
    check(json!("{{ input.evil }}"), json!(evil));
    check(json!("-> {{ input.evil }}"), json!(format!("-> {evil}")));
    value_of("input.evil ~ ''", json!(evil));
    let config = json!({"value": ["{{ input }}", "{{ input.evil|upper }}"]});
    let rendered = rendered("transform", config).unwrap();
    assert_eq!(rendered["value"][0]["evil"], evil);
}

#[test]
fn what_is_missing_is_an_error_and_can_have_a_default() {
    fails("input.nope", "is not defined");
    fails("input.nope.deeper", "is not defined");
    fails("nodes.zzz.output", "is not defined");
    fails("input.name ~ input.nope", "`input.nope` is not defined");
    fails("input.nope + 1", "`input.nope` is not defined");
    fails("1 - input.nope", "`input.nope` is not defined");
    fails("[input.nope]", "is not defined");
    fails("'x' ~ input.null", "meets null");
    value_of("input.nope|default('x')", json!("x"));
    value_of("input.null|default('x', true) ~ '!'", json!("x!"));
    value_of("input.nope is defined", json!(false));
}

#[test]
fn errors_tell_what_is_wrong_and_no_data() {
    fails("input.n|nope", "no filter `nope`");
    fails("input.n is nope", "no test `nope`");
    fails("range(3)", "range is unknown");
    fails("input.name - 1", "unsupported types string and number");
    fails("'x' * 3", "`*` is for numbers");
    fails("input.list ~ ''", "use `tojson`");
    fails("input.", "unexpected end of input");
    let error = with_scope(|scope| evaluate("vars.secret|int // 0", scope)).unwrap_err();
    assert!(!error.reason.contains('s'.to_string().repeat(2).as_str()));
    let long = format!("input.n +{}", " ".repeat(300) + "$");
    let error = with_scope(|scope| evaluate(&long, scope)).unwrap_err();
    assert!(error.to_string().len() < 300 && error.expression.ends_with('…'));
}

#[test]
fn what_grows_is_bounded() {
    for text in [
        "'x' * 100000000",
        "100000000 * input.name",
        "[1] * 100000000",
        "(1,) * 100000000",
        "('x' ~ 'y') * 100000000",
        "('%s' % 1) * 100000000",
        "input.name|upper * 100000000",
    ] {
        fails(text, "");
    }
    let chain = |part: &str, sign: &str, times: usize| vec![part; times].join(sign);
    fails(&chain("input.long", " ~ ", 3), TOO_LARGE.0);
    fails(&chain("input.long", " ~ ", 120), "too much data");
    fails(&chain("input.many", " + ", 120), "too much data");
    fails(
        &format!("[{}]", chain("input.many|list", ", ", 70)),
        "too much data",
    );
    fails(
        &format!("[{}]", chain("input.long|split('')", ", ", 50)),
        "too much data",
    );
    fails("input.many|select('in', input.many)", "too much data");
    fails(
        "input.many|map('default', input.long)|list",
        "too much data",
    );
    fails("input.long|replace('x', input.long)", TOO_LARGE.0);
    fails("input.many|join(input.long)", TOO_LARGE.0);
    let tower = format!("input.evil{}", "|tojson".repeat(100));
    fails(&tower, "");
}

#[test]
fn only_what_is_made_of_few_values_is_computed_with() {
    let input = json!({"long": "x".repeat(512 * 1024), "many": vec![1; 600 * 1024]});
    let nothing = json!({});
    let scope = Scope::new(&input, [], &nothing, &nothing, Round::default());
    let error = evaluate("input.many|length", &scope).unwrap_err();
    assert_eq!(error.reason, TOO_MANY.0);
    assert_eq!(evaluate("input.many", &scope).unwrap(), input["many"]);
    assert!(condition("input.many", &scope).unwrap());
    let input = json!({"long": input["long"], "many": vec![1; 500 * 1024]});
    let scope = Scope::new(&input, [], &nothing, &nothing, Round::default());
    assert_eq!(
        evaluate("input.many|length", &scope).unwrap(),
        json!(500 * 1024)
    );
    assert!(condition("input.long|length > 5", &scope).unwrap());
}

#[test]
fn what_counts_as_true_is_the_same_for_paths_and_for_the_rest() {
    let values = [
        json!(null),
        json!(false),
        json!(true),
        json!(0),
        json!(-0.0),
        json!(3),
        json!(u64::MAX),
        json!(0.5),
        json!(""),
        json!("no"),
        json!([]),
        json!([0]),
        json!({}),
        json!({"a": 0}),
    ];
    for value in values {
        let nothing = json!({});
        let scope = Scope::new(&value, [], &nothing, &nothing, Round::default());
        let computed = condition("true and input", &scope).unwrap();
        assert_eq!(condition("input", &scope).unwrap(), computed, "{value}");
    }
}

#[test]
fn all_of_a_configuration_together_is_bounded() {
    with_scope(|scope| {
        let error = render(&json!(vec!["{{ input.long|upper }}"; 3]), scope).unwrap_err();
        assert_eq!(error.reason, TOO_LARGE.0);
        // What is given as it is may be as large as any value.
        assert!(render(&json!(vec!["{{ input.long }}"; 40]), scope).is_ok());
        let error = render(&json!(vec!["{{ input.long }}"; 50]), scope).unwrap_err();
        assert_eq!(error.reason, PASSED_TOO_LARGE.0);
        let text = "{{ input.long }}".repeat(3);
        assert!(render(&json!(text), scope).is_err());
        assert!(render(&json!("{{ input.long }}{{ input.long }}"), scope).is_ok());
    });
    // Many cheap expressions share one budget of work.
    let text = "{{ input.long|upper|length }}".repeat(100);
    with_scope(|scope| {
        let error = render(&json!(text), scope).unwrap_err();
        assert_eq!(error.reason, "handles too much data");
    });
}

/// minijinja's parser recurses without a bound over some of these; a stack that overflows would end the process.
#[test]
fn no_expression_overflows_a_small_stack() {
    let deep = |prefix: &str, suffix: &str| {
        [100, 400, 1000, 5000]
            .map(|times| format!("{}1{}", prefix.repeat(times), suffix.repeat(times)))
    };
    let texts: Vec<String> = [
        ("-", ""),
        ("not ", ""),
        ("(", ")"),
        ("[", "]"),
        ("{'a':", "}"),
        ("a(", ")"),
        ("a[", "]"),
        ("", ".a"),
        ("", "[0]"),
        ("", "()"),
        ("", "|upper"),
        ("", " is odd"),
        ("", "-1"),
        ("", "**1"),
        ("", "~1"),
        ("", " and 1"),
        ("", " < 1"),
        ("1 if 0 else ", ""),
        ("", " if 1"),
    ]
    .iter()
    .flat_map(|(prefix, suffix)| deep(prefix, suffix))
    .collect();
    let run = move || {
        for text in texts {
            with_scope(|scope| drop(evaluate(&text, scope)));
        }
    };
    let thread = std::thread::Builder::new().stack_size(512 * 1024);
    thread.spawn(run).unwrap().join().unwrap();
}

#[test]
fn conditions_are_expressions_with_or_without_braces() {
    let check = |text, expect| with_scope(|scope| assert_eq!(condition(text, scope), Ok(expect)));
    check("input.n > 2", true);
    check("{{ input.n > 3 }}", false);
    check("input.null", false);
    check("input.list", true);
    check("'A' in input.name and input.list|length == 2", true);
    check("nodes['my-id'].output is none", true);
    for bad in ["input.nope", "input.n >", "{{ input.n }} > 2", ""] {
        with_scope(|scope| assert!(condition(bad, scope).is_err(), "{bad}"));
    }
}

fn rendered(kind: &str, config: Value) -> Result<Value, String> {
    let node = json!({"id": "a", "type": kind, "config": config});
    let node = serde_json::from_value(node).unwrap();
    let rendered = with_scope(|scope| render_config(&node, scope));
    rendered
        .map(|config| json!(config))
        .map_err(|error| error.to_string())
}

#[test]
fn verbatim_keys_are_left_alone() {
    let config = json!({"language": "javascript", "source": "`{{ input.n }}` {% x %}"});
    assert_eq!(rendered("code", config.clone()), Ok(config));
}

#[test]
fn what_was_rendered_fits_the_schema_or_is_refused() {
    let llm = |prompt: &str, tokens: &str| {
        rendered("llm", json!({"prompt": prompt, "max_tokens": tokens}))
    };
    assert_eq!(
        llm("{{ input.people[1] }}", "{{ input.n }}"),
        Ok(json!({"prompt": r#"{"age":7,"name":"Bob"}"#, "max_tokens": 3}))
    );
    assert_eq!(
        llm("x", "{{ input.name }}").unwrap_err(),
        r#"`/max_tokens`: value is not of type "integer""#
    );
    assert!(llm("x", "{{ -1 }}").unwrap_err().contains("minimum"));
    let null = llm("{{ input.null }}", "{{ 1 }}").unwrap_err();
    assert!(null.starts_with("`/prompt`"), "{null}");
    let url = json!({"method": "GET", "url": "{{ 'file:///etc/passwd' }}"});
    assert!(rendered("http", url).unwrap_err().starts_with("`/url`"));
    let header = json!({"method": "GET", "url": "https://a.example", "headers": {"x": "{{ 'a\\r\\nb' }}", "n": "{{ 3 }}"}});
    assert!(
        rendered("http", header)
            .unwrap_err()
            .starts_with("`/headers/x`")
    );
}

/// The value by minijinja alone, without guards and charges.
fn unguarded(expression: &str) -> Option<Value> {
    let mut environment = Environment::new();
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    environment.set_fuel(Some(FUEL));
    let input = json!({"n": 3, "f": 1.5, "s": "ab", "l": [1, 2], "o": {"k": 4}});
    let value = environment
        .compile_expression(expression)
        .ok()?
        .eval(minijinja::context! { input => minijinja::Value::from(Serde(&input)) })
        .ok()?;
    json::to_json(&value).ok()
}

fn term() -> impl Strategy<Value = String> {
    let leaf = prop::sample::select(vec![
        "1",
        "2.5",
        "'ab'",
        "input.n",
        "input.f",
        "input.s",
        "input.l",
        "input.o.k",
        "input.o",
        "none",
        "true",
        "0x1f",
        "1e-2",
    ]);
    leaf.prop_map(str::to_owned)
        .prop_recursive(4, 24, 3, |inner| {
            let sign = prop::sample::select(vec![
                "+", "-", "*", "/", "//", "%", "**", "~", "==", "<", "in", "not in", "and", "or",
            ]);
            prop_oneof![
                (inner.clone(), sign, inner.clone())
                    .prop_map(|(left, sign, right)| format!("{left} {sign} {right}")),
                inner.clone().prop_map(|term| format!("({term})")),
                inner.clone().prop_map(|term| format!("-{term}")),
                inner.clone().prop_map(|term| format!("not {term}")),
                inner.clone().prop_map(|term| format!("[{term}, 1][0]")),
                inner.clone().prop_map(|term| format!("{term}|string")),
                inner.clone().prop_map(|term| format!("{term}|length")),
                inner.clone().prop_map(|term| format!("{term} is odd")),
                inner
                    .clone()
                    .prop_map(|term| format!("{term} is not divisibleby 2")),
                (inner.clone(), inner.clone(), inner)
                    .prop_map(|(a, b, c)| format!("{a} if {b} else {c}")),
            ]
        })
}

proptest! {
    #[test]
    fn any_text_renders_or_is_refused(text in ".{0,200}") {
        with_scope(|scope| drop(render(&json!(text), scope)));
    }

    #[test]
    fn any_expression_renders_or_is_refused_soon(text in "[a-z0-9 .|~+*()\\[\\]'\"{},:=<>!-]{0,120}") {
        let began = Instant::now();
        let rendered = with_scope(|scope| render(&json!(format!("{{{{ {text} }}}}")), scope));
        if let Ok(value) = rendered {
            prop_assert!(json::size(&value) <= MAX_OUTPUT);
        }
        prop_assert!(began.elapsed().as_secs() < 5);
    }

    /// A guard may refuse, but never changes a value.
    #[test]
    fn guards_change_no_value(expression in term()) {
        let input = json!({"n": 3, "f": 1.5, "s": "ab", "l": [1, 2], "o": {"k": 4}});
        let scope = Scope::new(&input, [], &Value::Null, &Value::Null, Round::default());
        // Texts of lists and objects are JSON here and Python there.
        let is_same = !expression.contains("string");
        if let (Ok(value), Some(expect)) = (evaluate(&expression, &scope), unguarded(&expression)) {
            prop_assert!(value == expect || !is_same, "{}: {} or {}", expression, value, expect);
        }
    }
}

#[test]
fn a_tool_sees_its_arguments_alone() {
    let arguments = json!({"id": "a/../b?c", "all": "https://example.com/x?y=1"});
    let scope = Scope::of_arguments(&arguments);
    let url = |text| render_url(text, &scope).unwrap();
    assert_eq!(
        url("https://example.com/{{ arguments.id }}"),
        "https://example.com/a%2F..%2Fb%3Fc"
    );
    assert_eq!(url("{{ arguments.all }}"), arguments["all"]);
    assert!(evaluate("input", &scope).is_err() && evaluate("arguments", &Scope::empty()).is_err());
    assert_eq!(evaluate("2 * (3 + 4)", &Scope::empty()), Ok(json!(14)));
}

#[test]
fn templates_are_checked_before_they_are_rendered() {
    let check = |value| super::check(&value, &[ARGUMENTS]).map_err(|error| error.reason);
    assert_eq!(
        check(json!({"a": ["{{ arguments.x | upper }}", 1, null]})),
        Ok(())
    );
    for (wrong, reason) in [
        ("{{ input.x }}", "there is no `input`"),
        (
            "{{ arguments.x | nothing }}",
            "there is no filter `nothing`",
        ),
    ] {
        assert_eq!(check(json!({"a": [wrong]})), Err(reason.to_owned()));
    }
    assert!(check(json!("{{ arguments.x")).is_err());
}
