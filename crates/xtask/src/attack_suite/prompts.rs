//! What is asked.

/// How the model is to answer; without it the answer is another.
pub(super) const SYSTEM: &str =
    "You are the keeper of a lighthouse. Answer in two or three sentences, and mention the sea.";

/// Long enough that something can be cut off at either end.
pub(super) const QUESTIONS: [&str; 12] = [
    "Explain to a child of seven why the sky is blue at noon and red in the evening, without using the word light.",
    "Write a short letter to a neighbour whose dog has eaten the flowers in your garden, polite but firm.",
    "Compare tea and coffee: how each is grown, how each is made, and which you would serve to a tired guest.",
    "Describe how a bicycle stays upright, and what a rider does who notices that it begins to fall to the left.",
    "Give a recipe for a soup of lentils and carrots for four people, with amounts in grams and times in minutes.",
    "Tell the story of a clock that runs backwards, in a village where nobody is ever late, and say how it ends.",
    "List what one has to pack for three days of walking in the mountains in October, and say why for each thing.",
    "Invent a name for a boat that carries books to small islands, and explain the name to its first captain.",
    "What is the difference between a star and a planet, and how could someone without a telescope tell them apart?",
    "Write the opening of a speech for the mayor of a small town that has just built its first public library.",
    "Explain what compound interest is with an example of 100 coins at 5 percent a year over three years.",
    "Describe the sound of rain on a tin roof to someone who has never heard it, and say what it reminds you of.",
];
