use cuckoo_engine::{
    ChatMessage, Drawn, Engine, EngineError, EngineOptions, FinishReason, FollowEvent, FollowRequest, Followed,
    GenerateRequest, GenerationEvent, LocalEngine, Prompt, ResponseFormat, Sampling,
};
use cuckoo_sampler::ONE;

use crate::load::{engine, with_context, CHAT};

fn request(question: &str) -> GenerateRequest {
    let message = ChatMessage { role: "user".into(), content: question.into() };
    let mut sampling = Sampling { max_tokens: Some(48), seed: [3; 32], ..Sampling::default() };
    sampling.draw.temperature = ONE;
    GenerateRequest { records: true, ..GenerateRequest::new(CHAT, Prompt::Chat(vec![message]), sampling) }
}

#[derive(Clone, Debug, PartialEq)]
struct Answer {
    text: String,
    drawn: Vec<Drawn>,
    end: Option<Drawn>,
    prompt_tokens: u32,
    finish: FinishReason,
}

impl Answer {
    /// All tokens, with the one that ended the text.
    fn tokens(&self) -> Vec<u32> {
        self.drawn.iter().chain(&self.end).map(|drawn| drawn.token).collect()
    }
}

async fn ask(engine: &dyn Engine, request: GenerateRequest) -> Answer {
    let mut generation = engine.generate(request).await.unwrap();
    let (mut text, mut drawn) = (String::new(), Vec::new());
    loop {
        match generation.events.recv().await.expect("a last event") {
            GenerationEvent::Piece { text: piece, tokens, tokens_drawn, .. } => {
                assert_eq!(tokens_drawn.len(), tokens as usize);
                text.push_str(&piece);
                drawn.extend(tokens_drawn);
            }
            GenerationEvent::Done { prompt_tokens, completion_tokens, finish, end } => {
                assert_eq!(drawn.len(), completion_tokens as usize);
                assert_eq!(prompt_tokens, generation.prompt_tokens);
                return Answer { text, drawn, end, prompt_tokens, finish };
            }
            GenerationEvent::Failed(error) => panic!("{error}"),
        }
    }
}

async fn follow(engine: &dyn Engine, request: FollowRequest) -> Vec<Followed> {
    let mut follow = engine.follow(request).await.unwrap();
    let mut followed = Vec::new();
    loop {
        match follow.events.recv().await.expect("a last event") {
            FollowEvent::Positions(positions) => followed.extend(positions),
            FollowEvent::Done => return followed,
            FollowEvent::Failed(error) => panic!("{error}"),
        }
    }
}

fn claim(generate: GenerateRequest, tokens: Vec<u32>) -> FollowRequest {
    FollowRequest { generate, tokens, candidates: Vec::new() }
}

#[tokio::test]
async fn an_answer_is_followed_without_a_difference() {
    let (miner, auditor) = (engine(CHAT, 1, 0), engine(CHAT, 1, 0));
    let shaped = Sampling { format: ResponseFormat::JsonObject, presence_penalty: 0.5, ..request("").sampling };
    let short = Sampling { max_tokens: Some(200), ..request("").sampling };
    for request in [
        request("Tell me a story about a lighthouse."),
        GenerateRequest { sampling: short, ..request("Say hello and nothing else.") },
        GenerateRequest { sampling: shaped, ..request("Describe a boat as JSON.") },
        GenerateRequest { sampling: Sampling { max_tokens: Some(20), ..Sampling::default() }, ..request("Hi") },
    ] {
        let answer = ask(&miner, request.clone()).await;
        let all: Vec<_> = answer.drawn.iter().chain(&answer.end).collect();
        let followed = follow(&auditor, claim(request, answer.tokens())).await;
        assert_eq!(followed.len(), all.len());
        for (followed, drawn) in followed.iter().zip(all) {
            assert_eq!((&followed.own, followed.margin), (drawn, 0));
        }
    }
}

#[tokio::test]
async fn another_seed_is_noticed() {
    let engine = engine(CHAT, 1, 0);
    let asked = request("Invent a name for a boat and say why.");
    let tokens = ask(&engine, asked.clone()).await.tokens();
    let other = GenerateRequest { sampling: Sampling { seed: [4; 32], ..asked.sampling.clone() }, ..asked };
    let followed = follow(&engine, claim(other, tokens)).await;
    let missed = followed.iter().filter(|followed| followed.margin > 0).count();
    assert!(missed > 5, "{missed} of {}", followed.len());
}

#[tokio::test]
async fn another_engine_takes_an_answer_up() {
    let (first, second) = (engine(CHAT, 1, 0), engine(CHAT, 1, 0));
    let asked = request("Write a line of duck emoji 🦆 and waves 🌊.");
    let whole = ask(&first, asked.clone()).await;
    for cut in [1, 9, 20, whole.drawn.len() - 1] {
        let resumed = whole.tokens()[..cut].to_vec();
        let max_tokens = asked.sampling.max_tokens.map(|most| most - cut as u32);
        let sampling = Sampling { max_tokens, ..asked.sampling.clone() };
        let rest = ask(&second, GenerateRequest { resumed, sampling, ..asked.clone() }).await;
        assert!(whole.text.ends_with(&rest.text));
        assert_eq!(rest.drawn, whole.drawn[cut..]);
        assert_eq!((rest.end, rest.finish), (whole.end.clone(), whole.finish));
        assert_eq!(rest.prompt_tokens, whole.prompt_tokens + cut as u32);
    }
}

#[tokio::test]
async fn tokens_that_no_completion_can_have_are_refused() {
    let engine = engine(CHAT, 1, 0);
    let end = ask(&engine, request("Say hello.")).await.end.expect("it is short").token;
    let resumed = |resumed: Vec<u32>| GenerateRequest { resumed, ..request("Hi") };
    for bad in [vec![end], vec![end, 5], vec![49_152]] {
        let refused = engine.generate(resumed(bad.clone())).await.unwrap_err();
        assert!(matches!(refused, EngineError::InvalidRequest(_)), "{refused}");
        let refused = engine.follow(claim(resumed(bad), vec![5])).await.unwrap_err();
        assert!(matches!(refused, EngineError::InvalidRequest(_)), "{refused}");
    }
    for bad in [vec![], vec![end, 5], vec![49_152]] {
        let refused = engine.follow(claim(request("Hi"), bad)).await.unwrap_err();
        assert!(matches!(refused, EngineError::InvalidRequest(_)), "{refused}");
    }
    engine.follow(claim(request("Hi"), vec![5, end])).await.unwrap();
}

#[tokio::test]
async fn what_is_followed_fits_the_context() {
    let dir = tempfile::tempdir().unwrap();
    let engine = LocalEngine::load(&[with_context(CHAT, 96, dir.path())], &EngineOptions::default()).unwrap();
    let mut asked = request("");
    asked.prompt = Prompt::Text(" a".repeat(90));
    asked.sampling.max_tokens = None;
    let answer = ask(&engine, asked.clone()).await;
    assert_eq!(answer.tokens().len(), 6);
    assert_eq!(follow(&engine, claim(asked.clone(), answer.tokens())).await.len(), 6);
    let refused = engine.follow(claim(asked.clone(), [answer.tokens(), vec![5]].concat())).await.unwrap_err();
    assert_eq!(refused, EngineError::ContextLength { prompt_tokens: 97, context_tokens: 96 });
    let resumed = GenerateRequest { resumed: answer.tokens(), ..asked };
    let refused = engine.generate(resumed).await.unwrap_err();
    assert_eq!(refused, EngineError::ContextLength { prompt_tokens: 96, context_tokens: 96 });
}
