//! From a wasm file to a folder that a browser can load.
//!
//! **Invariant:** a file's name changes with its contents, all but `index.html`'s.

use std::{
    fs,
    hash::{DefaultHasher, Hasher},
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context, Result, bail};
use wasm_bindgen_cli_support::Bindgen;

use super::{
    Mode,
    split::{self, Parts},
    target,
};
use crate::{cargo, interrupts::Interrupts, process};

/// What the toolchain's wasm may use; the optimiser refuses what it is not told of.
const WASM_FEATURES: [&str; 9] = [
    "-Oz",
    "--enable-bulk-memory",
    "--enable-bulk-memory-opt",
    "--enable-sign-ext",
    "--enable-mutable-globals",
    "--enable-nontrapping-float-to-int",
    "--enable-reference-types",
    "--enable-multivalue",
    "--enable-call-indirect-overlong",
];

/// A folder that is being filled.
pub(super) struct Bundle {
    pub(super) folder: PathBuf,
    pub(super) files: Vec<Asset>,
}

pub(super) struct Asset {
    /// From the bundle's folder.
    pub(super) path: PathBuf,
    /// Whether a first visit does without it.
    pub(super) lazy: bool,
}

/// What runs in the browser, before it has its names.
struct Programs {
    app: PathBuf,
    chunks: Parts,
    checker: PathBuf,
}

/// Makes the bundle of the programs in `compiled` beside the one that is served.
pub(super) fn make(
    mode: Mode,
    compiled: &Path,
    tools: &Path,
    interrupts: &Interrupts,
) -> Result<Bundle> {
    let stage = fresh(&target().join("stage"))?;
    let programs = programs(mode, compiled, &stage, tools, interrupts)?;
    let mut bundle = Bundle {
        folder: fresh(&target().join("dist.new"))?,
        files: Vec::new(),
    };
    fs::create_dir(bundle.folder.join("assets"))?;
    for chunk in &programs.chunks.files {
        let url = bundle.add(chunk, true)?;
        programs.chunks.place(chunk, &url)?;
    }
    let sources = cargo::root().join("web");
    let esbuild = |from: &Path, to: &str| {
        let mut command = esbuild(tools, from, &stage.join(to));
        if mode == Mode::Release {
            command.arg("--minify");
        }
        finish(command, interrupts)
    };
    esbuild(&stage.join("app/app.js"), "app.js")?;
    for script in ["editor.js", "checker.js"] {
        esbuild(&sources.join("js").join(script), script)?;
    }
    esbuild(&sources.join("style/style.css"), "style.css")?;
    write_page(&mut bundle, mode, &stage, &programs)?;
    Ok(bundle)
}

fn programs(
    mode: Mode,
    compiled: &Path,
    stage: &Path,
    tools: &Path,
    interrupts: &Interrupts,
) -> Result<Programs> {
    let (app, checker) = (stage.join("app"), stage.join("checker"));
    let chunks = split::cut(&compiled.join("web.wasm"), &app, "app.js")?;
    let programs = Programs {
        // Chunks put their functions into the app's table.
        app: bind(mode, &chunks.main, &app, |bindgen| {
            bindgen.keep_lld_exports(true);
        })?,
        chunks,
        checker: bind(mode, &compiled.join("checker.wasm"), &checker, |_| {})?,
    };
    if mode == Mode::Release {
        let whole = [&programs.app, &programs.checker];
        for wasm in programs.chunks.files.iter().chain(whole) {
            let mut optimise = Command::new(tools.join("wasm-opt"));
            optimise.args([wasm, Path::new("-o"), wasm]);
            optimise.args(WASM_FEATURES);
            process::run_quietly(&mut optimise, &target().join("wasm-opt.log"), interrupts)?;
        }
    }
    Ok(programs)
}

/// Adds what the page names, and the page.
fn write_page(bundle: &mut Bundle, mode: Mode, stage: &Path, programs: &Programs) -> Result<()> {
    let sources = cargo::root().join("web");
    let fixed = sources.join("static");
    let mut page = fs::read_to_string(sources.join("index.html"))?;
    for (mark, file, lazy) in [
        ("{{app-wasm}}", &programs.app, false),
        ("{{checker-wasm}}", &programs.checker, true),
        ("{{app}}", &stage.join("app.js"), false),
        ("{{editor}}", &stage.join("editor.js"), true),
        ("{{checker}}", &stage.join("checker.js"), true),
        ("{{boot}}", &fixed.join("boot.js"), false),
        ("{{theme}}", &fixed.join("theme.js"), false),
        ("{{style}}", &stage.join("style.css"), false),
        ("{{icon}}", &fixed.join("icon.svg"), false),
    ] {
        let url = bundle.add(file, lazy)?;
        page = page.replace(mark, &url);
    }
    if mode == Mode::Dev {
        let follow = bundle.add(&fixed.join("dev.js"), true)?;
        let script = format!("<script type=\"module\" src=\"{follow}\"></script>\n</head>");
        page = page.replace("</head>", &script);
    }
    if let Some((_, rest)) = page.split_once("{{") {
        let mark = rest.split("}}").next().unwrap_or(rest);
        bail!("`web/index.html` asks for `{mark}`, which is not made");
    }
    let index = PathBuf::from("index.html");
    fs::write(bundle.folder.join(&index), page)?;
    bundle.files.push(Asset {
        path: index,
        lazy: false,
    });
    Ok(())
}

impl Bundle {
    /// Copies a file in, and returns its URL.
    fn add(&mut self, file: &Path, lazy: bool) -> Result<String> {
        let path = place(file, &self.folder)?;
        let url = format!("/{}", path.display());
        self.files.push(Asset { path, lazy });
        Ok(url)
    }

    /// Puts the folder in the place of the one before.
    pub(super) fn publish(self, served: &Path) -> Result<()> {
        let old = target().join("dist.old");
        if old.exists() {
            fs::remove_dir_all(&old)?;
        }
        if served.exists() {
            fs::rename(served, &old)?;
        }
        fs::rename(&self.folder, served)?;
        Ok(())
    }
}

/// Makes the style again for the bundle in `folder`, of which nothing else changes.
pub(super) fn restyle(folder: &Path, tools: &Path, interrupts: &Interrupts) -> Result<()> {
    let style = target().join("stage/style.css");
    let source = cargo::root().join("web/style/style.css");
    finish(esbuild(tools, &source, &style), interrupts)?;
    let path = place(&style, folder)?;
    let index = folder.join("index.html");
    let page = fs::read_to_string(&index)?;
    let (before, rest) = page
        .split_once("/assets/style-")
        .context("the page has no style")?;
    let (_, after) = rest
        .split_once('"')
        .context("the page's style has no end")?;
    let new = folder.join("index.html.new");
    fs::write(&new, format!("{before}/{}\"{after}", path.display()))?;
    Ok(fs::rename(&new, &index)?)
}

/// Copies a file into a bundle, and returns where it is in it.
fn place(file: &Path, folder: &Path) -> Result<PathBuf> {
    let bytes = fs::read(file).with_context(|| format!("cannot read `{}`", file.display()))?;
    let part = |part: Option<&std::ffi::OsStr>| part.unwrap_or_default().display().to_string();
    let (stem, extension) = (part(file.file_stem()), part(file.extension()));
    let stem = stem.strip_suffix("_bg").unwrap_or(&stem);
    let stem = stem.strip_prefix("split_").unwrap_or(stem);
    let name = format!("{stem}-{}.{extension}", fingerprint(&bytes));
    let path = Path::new("assets").join(name);
    fs::write(folder.join(&path), bytes)?;
    Ok(path)
}

fn esbuild(tools: &Path, from: &Path, to: &Path) -> Command {
    let mut command = Command::new(tools.join("esbuild"));
    command
        .arg(from)
        .args(["--bundle", "--format=esm", "--log-level=warning"])
        // The app's face names the loader of its chunks once for each of them.
        .arg("--log-override:duplicate-object-key=silent")
        .arg(format!("--outfile={}", to.display()));
    command
}

/// Makes the JavaScript face of a program, and returns the wasm file behind it.
fn bind(mode: Mode, wasm: &Path, folder: &Path, set: impl FnOnce(&mut Bindgen)) -> Result<PathBuf> {
    let dev = mode == Mode::Dev;
    let name = folder
        .file_name()
        .context("a program's folder has a name")?
        .display()
        .to_string();
    let mut bindgen = Bindgen::new();
    bindgen
        .input_path(wasm)
        .web(true)?
        .typescript(false)
        .keep_debug(dev)
        .remove_name_section(!dev)
        .remove_producers_section(!dev)
        .omit_default_module_path(true)
        .out_name(&name);
    set(&mut bindgen);
    bindgen.generate(folder)?;
    Ok(folder.join(format!("{name}_bg.wasm")))
}

fn finish(mut command: Command, interrupts: &Interrupts) -> Result<()> {
    let status = process::run(&mut command, interrupts)?;
    if !status.success() {
        bail!("`{}` failed ({status})", command.get_program().display());
    }
    Ok(())
}

fn fresh(folder: &Path) -> Result<PathBuf> {
    if folder.exists() {
        fs::remove_dir_all(folder)?;
    }
    fs::create_dir_all(folder).with_context(|| format!("cannot make `{}`", folder.display()))?;
    Ok(folder.to_path_buf())
}

/// Tells apart the versions of one file; nobody's safety hangs on it.
fn fingerprint(bytes: &[u8]) -> String {
    let mut hasher = DefaultHasher::new();
    hasher.write(bytes);
    format!("{:016x}", hasher.finish())
}
