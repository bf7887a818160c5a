//! The models of a provider as lines of text, and back.

use contracts::{
    Problem,
    llm::{ModelKind, Price, ProviderModel},
};

use crate::ui::problem::{field_error, sentence};

/// Stands for a price between others that is not said.
const UNSAID: &str = "-";

pub(super) fn write_models(models: &[ProviderModel]) -> String {
    let lines = models.iter().map(|model| {
        let kind = match model.kind {
            ModelKind::Chat => "",
            ModelKind::Embedding => " embedding",
        };
        let price = model.price.as_ref().map(write_price);
        format!("{}{kind}{}", model.name, price.unwrap_or_default())
    });
    lines.collect::<Vec<_>>().join("\n")
}

fn write_price(price: &Price) -> String {
    let plain = format!(" {} {}", price.prompt, price.completion);
    match (price.cache_read, price.cache_write) {
        (None, None) => plain,
        (Some(read), None) => format!("{plain} {read}"),
        (None, Some(write)) => format!("{plain} {UNSAID} {write}"),
        (Some(read), Some(write)) => format!("{plain} {read} {write}"),
    }
}

pub(super) fn read_models(text: &str) -> Result<Vec<ProviderModel>, String> {
    let lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
    let models: Vec<_> = lines.map(read_model).collect::<Result<_, _>>()?;
    match models.is_empty() {
        true => Err("name at least one model".into()),
        false => Ok(models),
    }
}

fn read_model(line: &str) -> Result<ProviderModel, String> {
    let mut words = line.split_whitespace().peekable();
    let name = words.next().unwrap_or_default().to_owned();
    let kind = match words.next_if_eq(&"embedding") {
        Some(_) => ModelKind::Embedding,
        None => ModelKind::Chat,
    };
    let number = |word: &str| {
        word.parse()
            .map_err(|_| format!("`{word}` in `{line}` is not a price"))
    };
    let cached = |word: Option<&&str>| match word {
        None | Some(&UNSAID) => Ok(None),
        Some(word) => number(word).map(Some),
    };
    let rest: Vec<_> = words.collect();
    let price = match rest.as_slice() {
        [] => None,
        [prompt, completion, rest @ ..] if rest.len() <= 2 => Some(Price {
            prompt: number(prompt)?,
            completion: number(completion)?,
            cache_read: cached(rest.first())?,
            cache_write: cached(rest.get(1))?,
        }),
        _ => {
            return Err(format!(
                "`{line}` has to be a name, with two to four prices or none"
            ));
        }
    };
    Ok(ProviderModel { name, kind, price })
}

/// What is wrong with the models, and with which of them.
pub(super) fn models_error(problem: Option<&Problem>) -> Option<String> {
    let whole = field_error(problem, "/models");
    whole.or_else(|| {
        let errors = &problem?.errors;
        errors.iter().find_map(|error| {
            let (at, _) = error.path.strip_prefix("/models/")?.split_once('/')?;
            let at: usize = at.parse().ok()?;
            Some(format!("Model {}: {}", at + 1, sentence(&error.message)))
        })
    })
}

#[cfg(test)]
mod tests {
    use contracts::{ErrorCode, FieldProblem};

    use super::*;

    #[test]
    fn models_are_written_as_they_are_read() {
        let text = "gpt-4o-mini 0.15 0.60\nsmall embedding 0.02 0\nlocal\n\
            cached 3 15 0.30\nwritten 3 15 0.30 3.75\nodd 3 15 - 3.75";
        let models = read_models(text).expect("six models");
        assert_eq!(models.len(), 6);
        assert_eq!(models[1].kind, ModelKind::Embedding);
        assert_eq!(models[2].price, None);
        assert_eq!(write_models(&models), text);
    }

    #[test]
    fn half_a_price_is_refused() {
        for text in ["", "gpt 1", "gpt one two", "gpt 1 2 x", "gpt 1 2 3 4 5"] {
            assert!(read_models(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_problem_names_its_model() {
        let mut problem = Problem::new(ErrorCode::InvalidInput, "not valid");
        problem.errors = vec![FieldProblem {
            path: "/models/1/name".into(),
            message: "named twice".into(),
        }];
        let told = models_error(Some(&problem));
        assert_eq!(told.as_deref(), Some("Model 2: Named twice."));
        assert_eq!(models_error(None), None);
    }
}
