//! Programs that are told to stop finish what runs.

use cuckoo_testkit::{
    api::chat_stream,
    models::CHAT,
    sse::{text_of, Events},
    Api, Network,
};

const TOKENS: u32 = 48;

#[tokio::test]
async fn running_tasks_are_finished_after_sigterm() {
    let mut network = Network::start(&[("//Miner1", 1)]).await.unwrap();

    let events = begun_answer(network.gateway.api()).await;
    let (answer, ended) = tokio::join!(events.collect(), network.miners[0].terminate());
    println!("answered while the miner stopped: {:?}", text_of(&answer.unwrap()));
    assert!(ended.unwrap().success(), "the miner did not end in good order");
    let refused =
        network.gateway.api().post("/v1/chat/completions", &chat_stream(CHAT, "Say hello.", 2)).await.unwrap();
    assert_eq!(refused.status, 503, "without a miner: {}", refused.text);
    assert_eq!(refused.header("x-should-retry"), Some("true"));

    network.miners[0].restart().await.unwrap();
    network.gateway.until_serving(1).await.unwrap();
    let events = begun_answer(network.gateway.api()).await;
    let (answer, ended) = tokio::join!(events.collect(), network.gateway.terminate());
    println!("answered while the gateway stopped: {:?}", text_of(&answer.unwrap()));
    assert!(ended.unwrap().success(), "the gateway did not end in good order");
}

/// The rest of a streamed answer whose first pieces have arrived.
async fn begun_answer(api: &Api) -> Events {
    let body = chat_stream(CHAT, "Write a long story about a lighthouse keeper and the sea.", TOKENS);
    let (_, mut events) = api.stream("/v1/chat/completions", &body).await.unwrap();
    for _ in 0..3 {
        events.next().await.unwrap().expect("the story ended after a few words");
    }
    events
}
