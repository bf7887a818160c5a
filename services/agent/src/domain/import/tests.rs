use super::*;

const AGENTS: &str = "\
researcher:
  role: >
    {topic} researcher
  goal: Find what is new about {topic}
  backstory: You dig deep.
  llm: openai/gpt-4o
  max_iter: 7
  allow_delegation: false
writer:
  role: a writer
  goal: Write well
  llm: gpt-4o
";
const TASKS: &str = "\
research:
  description: 'Look into {topic} and {sub-topic}, as {\"a\": 1} says.'
  expected_output: A list about {topic}
  agent: researcher
  async_execution: true
publish:
  description: Write it up.
  expected_output: One page
  agent: writer
  context: [research]
  output_file: page.md
";

fn request(agents: &str, tasks: &str) -> ImportCrew {
    ImportCrew {
        name: "newsroom".into(),
        process: contracts::crew::Process::Sequential,
        agents_yaml: agents.into(),
        tasks_yaml: tasks.into(),
    }
}

fn refused(agents: &str, tasks: &str) -> Vec<String> {
    match read(&request(agents, tasks), AgentId::generate) {
        Err(Error::InvalidInput(found)) => found
            .into_iter()
            .map(|problem| format!("{} {}", problem.path, problem.message))
            .collect(),
        other => panic!("{other:?}"),
    }
}

#[test]
fn the_files_become_agents_and_tasks() {
    let import = read(&request(AGENTS, TASKS), AgentId::generate).unwrap();
    let [(first, researcher), (_, writer)] = &import.agents[..] else {
        panic!("{:?}", import.agents);
    };
    assert_eq!(researcher.role, "{topic} researcher");
    assert_eq!(researcher.model.as_deref(), Some("openai/gpt-4o"));
    assert_eq!((researcher.limits.max_steps, &writer.model), (7, &None));
    let tasks = &import.crew.tasks;
    assert_eq!(
        tasks[0].description,
        "Look into {{ input.topic }} and {{ input[\"sub-topic\"] }}, as {\"a\": 1} says."
    );
    assert_eq!((tasks[0].agent_id, tasks[0].is_async), (*first, true));
    assert_eq!(
        (tasks[1].name.as_str(), &tasks[1].context[..]),
        ("publish", &["research".to_owned()][..])
    );
    assert_eq!(
        import.ignored,
        [
            "agents.yaml: researcher.role: {topic}",
            "agents.yaml: researcher.goal: {topic}",
            "agents.yaml: researcher.allow_delegation",
            "agents.yaml: writer.llm",
            "tasks.yaml: research.expected_output: {topic}",
            "tasks.yaml: publish.output_file",
        ]
    );
}

#[test]
fn what_is_wrong_is_said_with_file_and_key() {
    let check = |agents: &str, tasks: &str, expect: &str| {
        let found = refused(agents, tasks);
        assert!(
            found.iter().any(|text| text.starts_with(expect)),
            "`{expect}` is not among {found:?}"
        );
    };
    let agent = "writer: {role: r, goal: g}";
    check(
        "writer: {role: r}",
        TASKS,
        "/agents_yaml agents.yaml: writer.goal: is missing",
    );
    check(
        "writer: {role: r, goal: [1]}",
        TASKS,
        "/agents_yaml agents.yaml: writer.goal: must be a text",
    );
    check(
        "writer: {role: r, goal: g, max_iter: 900}",
        "a: {description: d, expected_output: e, agent: writer}",
        "/agents_yaml agents.yaml: writer.max_iter: is 900",
    );
    check("- 1", TASKS, "/agents_yaml agents.yaml: ");
    check("a: [", TASKS, "/agents_yaml agents.yaml: ");
    check(
        agent,
        "a: {description: d, expected_output: e, agent: poet}",
        "/tasks_yaml tasks.yaml: a.agent: there is no agent `poet`",
    );
    check(
        agent,
        "a: {description: d, expected_output: e, agent: writer, context: [b]}",
        "/tasks_yaml tasks.yaml: a.context: there is no task `b`",
    );
    check(
        agent,
        "a b: {description: d, expected_output: e, agent: writer}",
        "/tasks_yaml tasks.yaml: a b: a name has",
    );
    check(
        agent,
        "a: {description: '{{ x }}', expected_output: e, agent: writer}",
        "/tasks_yaml tasks.yaml: a.description: ",
    );
    check(agent, "", "/tasks_yaml tasks.yaml");
    let same = "writer: {role: r, goal: g}\nwriter: {role: r, goal: g}";
    check(same, TASKS, "/agents_yaml agents.yaml: ");
    check(
        &"#".repeat(262_145),
        TASKS,
        "/agents_yaml agents.yaml: has more than 256 KiB",
    );
}

#[test]
fn a_bomb_of_aliases_is_refused() {
    let mut bomb = "a: &a {role: [x, x, x, x, x, x, x, x, x, x]}\n".to_owned();
    for (before, name) in "abcdefgh".chars().zip("bcdefghi".chars()) {
        let ten = vec![format!("*{before}"); 10].join(", ");
        bomb.push_str(&format!("{name}: &{name} {{role: [{ten}]}}\n"));
    }
    let found = refused(&bomb, TASKS);
    assert!(
        found[0].starts_with("/agents_yaml agents.yaml: "),
        "{found:?}"
    );
    assert!(found[0].len() < 400, "{found:?}");
}
