use super::*;

const CHATML: &str = "{% for message in messages %}
{{- '<|im_start|>' + message['role'] + '\\n' + message.content.strip() + '<|im_end|>' + '\\n' -}}
{% endfor %}
{% if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}{% endif %}";

fn messages(turns: &[(&str, &str)]) -> Vec<ChatMessage> {
    turns.iter().map(|(role, content)| ChatMessage { role: role.to_string(), content: content.to_string() }).collect()
}

fn render(source: &str, turns: &[(&str, &str)]) -> Result<String, EngineError> {
    ChatTemplate::new(source, "<s>", "</s>").unwrap().render(&messages(turns), 1000)
}

#[test]
fn messages_become_turns_and_the_assistant_is_next() {
    let text = render(CHATML, &[("system", "Be kind."), ("user", " Hi ")]).unwrap();
    assert_eq!(text, "<|im_start|>system\nBe kind.<|im_end|>\n<|im_start|>user\nHi<|im_end|>\n<|im_start|>assistant\n");
}

#[test]
fn begin_and_end_tokens_are_at_hand() {
    assert_eq!(
        render("{{ bos_token }}{{ messages[0].content }}{{ eos_token }}", &[("user", "x")]).unwrap(),
        "<s>x</s>"
    );
}

#[test]
fn text_is_not_escaped() {
    assert_eq!(render("{{ messages[0].content }}", &[("user", "<b> & \"c\"")]).unwrap(), "<b> & \"c\"");
}

#[test]
fn text_is_not_read_as_a_template() {
    assert_eq!(render("{{ messages[0].content }}", &[("user", "{{ 1 + 1 }}")]).unwrap(), "{{ 1 + 1 }}");
}

#[test]
fn what_the_template_refuses_is_the_callers_mistake() {
    let source = "{% if messages[0].role == 'system' %}{{ raise_exception('no system messages, please') }}{% endif %}";
    let Err(EngineError::InvalidRequest(why)) = render(source, &[("system", "secret words")]) else { panic!() };
    assert!(why.contains("no system messages, please") && !why.contains("secret words"), "{why}");
}

#[test]
fn a_prompt_that_grows_too_long_is_refused() {
    let source = "{% for i in range(1000) %}{{ messages[0].content }}{% endfor %}";
    let Err(EngineError::InvalidRequest(why)) = render(source, &[("user", "abc")]) else { panic!() };
    assert!(why.contains("longer than 1000 bytes"), "{why}");
}

#[test]
fn a_broken_template_is_refused_when_it_is_loaded() {
    assert!(ChatTemplate::new("{% for %}", "", "").unwrap_err().contains("broken"));
    assert!(ChatTemplate::new(&" ".repeat(MAX_TEMPLATE_BYTES + 1), "", "").unwrap_err().contains("longer"));
}

fn answer(source: &str) -> String {
    render(source, &[("system", "<b> ä"), ("user", "one</t>two"), ("assistant", "x"), ("user", "last")]).unwrap()
}

#[test]
fn lists_are_sliced_and_looked_at_from_behind() {
    assert_eq!(answer("{% for m in messages[::-1] %}{{ m.role[0] }}{% endfor %}"), "uaus");
    assert_eq!(answer("{{ messages[-1].content }}{{ messages[1:]|length }}"), "last3");
    let turns = "{% for m in messages %}{{ loop.index0 }}{{ loop.previtem.role[0] if loop.previtem is defined }}\
        {{ '.' if loop.last or loop.nextitem.role != m.role }}{% endfor %}";
    assert_eq!(answer(turns), "0.1s.2u.3a.");
}

#[test]
fn a_namespace_outlives_a_loop() {
    let source = "{%- set ns = namespace(last=messages|length - 1, found=false) %}\
        {%- for m in messages[::-1] %}{%- set index = (messages|length - 1) - loop.index0 %}\
        {%- if not ns.found and m.role == 'user' and m.content is string %}{%- set ns.found = true %}\
        {%- set ns.last = index %}{%- endif %}{%- endfor %}{{ ns.last }}";
    assert_eq!(answer(source), "3");
}

#[test]
fn loops_can_be_left_and_turned() {
    assert_eq!(answer("{% for m in messages %}{% if loop.index0 == 2 %}{% break %}{% endif %}x{% endfor %}"), "xx");
    assert_eq!(answer("{% for m in messages %}{% if loop.first %}{% continue %}{% endif %}x{% endfor %}"), "xxx");
}

#[test]
fn texts_have_the_methods_of_python() {
    let thought =
        "{{ messages[1].content.split('</t>')[-1].lstrip('\\n') }} {{ messages[1].content.split('</t>')|length }}";
    assert_eq!(answer(thought), "two 2");
    assert_eq!(answer("{{ '</t>' in messages[1].content and messages[1].content.startswith('one') }}"), "True");
    assert_eq!(answer("{{ '\\n a \\n'.strip('\\n') }}|{{ 'ab\\n'.rstrip('\\n') }}|{{ ' a ' | trim }}"), " a |ab|a");
    assert_eq!(answer("{{ 'a' ~ (1 + 1) }}{{ messages[0].role.upper() }}{{ 'x'.replace('x', 'y') }}"), "a2SYSTEMy");
}

#[test]
fn what_is_not_given_is_undefined_and_false() {
    let source = "{% if tools %}t{% endif %}{% if tools is defined and tools is not none %}d{% endif %}\
        {% if enable_thinking is defined and enable_thinking is false %}e{% endif %}\
        {% if messages[0].tool_calls %}c{% endif %}{{ custom_tools }}{{ date_string | default('none') }}";
    assert_eq!(answer(source), "none");
    assert_eq!(answer("{% macro turn(m) %}[{{ m.role }}]{% endmacro %}{{ turn(messages[0]) }}"), "[system]");
}

#[test]
fn json_is_pythons() {
    let source = "{{ {'a': [1, 'ä<b>\\'', true, none], 'b': {}} | tojson }}";
    assert_eq!(answer(source), "{\"a\": [1, \"ä<b>'\", true, null], \"b\": {}}");
    assert_eq!(answer("{{ {'a': [1, 2]} | tojson(indent=4) }}"), "{\n    \"a\": [\n        1,\n        2\n    ]\n}");
    let Err(error) = render("{{ 1 | tojson(indent=1000000) }}", &[("user", "x")]) else { panic!() };
    assert!(error.to_string().contains("indent"), "{error}");
}

#[test]
fn the_date_is_the_same_for_everybody() {
    assert_eq!(answer("{{ strftime_now('%d %b %Y') if strftime_now is defined }}"), "26 Jul 2024");
    assert_eq!(answer("{{ strftime_now('%A, %d %B %Y 100%%') }}"), "Friday, 26 July 2024 100%");
    for wrong in ["%Q", "%"] {
        let Err(error) = render(&format!("{{{{ strftime_now('{wrong}') }}}}"), &[("user", "x")]) else { panic!() };
        assert!(error.to_string().contains(wrong), "{error}");
    }
}

#[test]
fn a_template_that_does_not_end_is_stopped() {
    let endless = "{% for a in range(99999) %}{% for b in range(99999) %}{% set c = a %}{% endfor %}{% endfor %}";
    let Err(EngineError::InvalidRequest(why)) = render(endless, &[("user", "x")]) else { panic!() };
    assert!(why.contains("fuel"), "{why}");
    let deep = "{% macro f(n) %}{{ f(n + 1) }}{% endmacro %}{{ f(0) }}";
    assert!(render(deep, &[("user", "x")]).is_err());
}

#[test]
fn many_messages_have_steps_enough() {
    let turns = vec![("user", "x"); 1024];
    let source = "{% set ns = namespace(n=0) %}{% for m in messages %}{% for k in range(20) %}\
        {% if m.content.startswith('x') and k == 19 %}{% set ns.n = ns.n + 1 %}{% endif %}{% endfor %}{% endfor %}{{ ns.n }}";
    assert_eq!(render(source, &turns).unwrap(), "1024");
}

/// The templates of files that other implementations test with.
#[test]
fn templates_of_real_files_render() {
    use crate::gguf::GgufFile;
    let models = crate::ModelDir::default_models_dir().unwrap().join("smollm2-135m-instruct");
    let path = models.join("SmolLM2-135M-Instruct.Q4_1.gguf");
    assert!(path.is_file(), "this test needs {}: run scripts/setup", path.display());
    let file = GgufFile::open(&path).unwrap();
    let source = file.metadata().required_text("tokenizer.chat_template").unwrap();
    let text = render(source, &[("user", "Hi")]).unwrap();
    assert!(text.ends_with("<|im_start|>user\nHi<|im_end|>\n<|im_start|>assistant\n"), "{text}");
}
