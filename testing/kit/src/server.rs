//! A real server over a throwaway data folder.

use crate::{Actor, Contract, shared};
use api::Settings;
use commands::Request;
use couriers::CourierSettings;
use domain::user::Role;
use domain::{Command, UserId, user};
use node::passwords::{Cost, PasswordPolicy};
use node::redis::Address;
use node::{Modules, Node, NodeOptions};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

/// A server in this process, on a free port of the loopback interface.
pub struct TestApp {
    /// Where it answers: `http://127.0.0.1:port`.
    pub url: String,
    /// The node itself, for looking behind the doors.
    pub node: Arc<Node>,
    folder: Arc<TempDir>,
    settings: Settings,
    passwords: PasswordPolicy,
    redis: Option<Address>,
    modules: Modules,
    contract: Arc<Contract>,
    stop: Option<oneshot::Sender<()>>,
    serving: JoinHandle<std::io::Result<()>>,
}

impl TestApp {
    /// Starts with passwords that cost next to nothing.
    pub async fn start() -> TestApp {
        TestApp::start_with(TestApp::settings()).await
    }

    /// The settings of [`TestApp::start`]. Nothing is limited: everybody of a story is at one address.
    pub fn settings() -> Settings {
        Settings { rates: None, ..Settings::default() }
    }

    /// Passwords that cost next to nothing.
    pub fn passwords() -> PasswordPolicy {
        PasswordPolicy { cost: Cost { memory_kib: 8, passes: 1, lanes: 1 }, ..PasswordPolicy::default() }
    }

    /// Starts with this policy for passwords.
    pub async fn start_hashing(passwords: PasswordPolicy) -> TestApp {
        TestApp::over(new_folder(), TestApp::settings(), passwords, None, None, Modules::ALL).await
    }

    /// Starts with these settings.
    pub async fn start_with(settings: Settings) -> TestApp {
        TestApp::over(new_folder(), settings, TestApp::passwords(), None, None, Modules::ALL).await
    }

    /// Starts with the Redis at that address.
    pub async fn start_sharing(redis: Address) -> TestApp {
        TestApp::over(new_folder(), TestApp::settings(), TestApp::passwords(), Some(redis), None, Modules::ALL).await
    }

    /// Starts with couriers, whose mail stays in the dev mailbox. Every other server tells nobody anything.
    pub async fn start_telling() -> TestApp {
        TestApp::over(
            new_folder(),
            TestApp::settings(),
            TestApp::passwords(),
            None,
            Some(CourierSettings::default().unread_after),
            Modules::ALL,
        )
        .await
    }

    /// The same with these settings.
    pub async fn start_telling_with(settings: Settings) -> TestApp {
        let tells = Some(CourierSettings::default().unread_after);
        TestApp::over(new_folder(), settings, TestApp::passwords(), None, tells, Modules::ALL).await
    }

    /// The same; people are told at once of what was said to them, and not after ten minutes.
    pub async fn start_telling_of_unread() -> TestApp {
        let at_once = Some(Duration::ZERO);
        TestApp::over(new_folder(), TestApp::settings(), TestApp::passwords(), None, at_once, Modules::ALL).await
    }

    /// Stops it and starts one of that kind over the same folder.
    pub async fn restart_telling_of_unread(self) -> TestApp {
        let (settings, passwords, redis, modules) =
            (self.settings.clone(), self.passwords, self.redis.clone(), self.modules);
        let folder = self.stop().await;
        TestApp::over(folder, settings, passwords, redis, Some(Duration::ZERO), modules).await
    }

    /// Starts over a folder that another one has left.
    pub async fn start_in(folder: Arc<TempDir>) -> TestApp {
        TestApp::over(folder, TestApp::settings(), TestApp::passwords(), None, None, Modules::ALL).await
    }

    async fn over(
        folder: Arc<TempDir>,
        settings: Settings,
        passwords: PasswordPolicy,
        redis: Option<Address>,
        tells: Option<Duration>,
        modules: Modules,
    ) -> TestApp {
        let database = shared::of(&folder).await;
        let data = data(&folder);
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port of the loopback interface");
        let address = listener.local_addr().expect("a bound listener has an address");
        let public_url = format!("http://{address}");
        let couriers = tells.map(|unread_after| {
            let variables = settings.variables.clone();
            CourierSettings { public_url, unread_after, variables, ..CourierSettings::default() }
        });
        let redis_address = redis.clone();
        let redis_options = NodeOptions { redis: redis_address, modules, ..NodeOptions::new(data) };
        let options = NodeOptions { database, passwords, couriers, ..redis_options };
        let node = Arc::new(Node::open(options).await.expect("a node starts over its own folder"));
        let (stop, stopped) = oneshot::channel();
        let serving = tokio::spawn({
            let (node, settings) = (Arc::clone(&node), settings.clone());
            async move {
                let stopped = async {
                    let _ = stopped.await;
                };
                api::serve(listener, &node, settings, stopped).await
            }
        });
        TestApp {
            url: format!("http://{address}"),
            node,
            folder,
            settings,
            passwords,
            redis,
            modules,
            contract: Arc::new(Contract::new()),
            stop: Some(stop),
            serving,
        }
    }

    /// Whether its log is the embedded one. A story that looks into the files of that one ends at a no, with a message.
    pub fn is_embedded(&self) -> bool {
        let embedded = self.node.log.cluster().is_none();
        if !embedded {
            eprintln!("left out: this story looks into the files of the embedded log");
        }
        embedded
    }

    /// The data folder.
    pub fn data(&self) -> PathBuf {
        data(&self.folder)
    }

    /// Somebody without a session.
    pub fn anonymous(&self) -> Actor {
        Actor::new(self.url.clone(), Arc::clone(&self.contract))
    }

    /// Somebody of before a restart, with the session that they had.
    pub fn again(&self, former: &Actor) -> Actor {
        let mut again = self.anonymous();
        again.token.clone_from(&former.token);
        again.user_id.clone_from(&former.user_id);
        again
    }

    /// Registers somebody and logs them in.
    pub async fn user(&self, name: &str) -> Actor {
        let mut actor = self.anonymous();
        actor.register(name).await.expect_status(201);
        actor.log_in(name).await.expect_status(200);
        actor
    }

    /// Registers somebody, gives them a role as an operator does, and logs them in.
    pub async fn with_role(&self, name: &str, role: Role) -> Actor {
        let actor = self.user(name).await;
        self.give_role(&actor, role).await;
        actor
    }

    /// Gives somebody a role as an operator does.
    pub async fn give_role(&self, actor: &Actor, role: Role) {
        let user_id = UserId(domain::id::parse_uuid(&actor.user_id).expect("an account has an id"));
        let command = Command::User(user_id, user::Command::SetRole(user::SetRole { role }));
        let request = Request::by_operator(command, store::now());
        self.node.writer.send(request).await.expect("an operator may give roles");
    }

    /// Stops it as a signal would: requests under way are answered, the folder is let go.
    pub async fn stop(mut self) -> Arc<TempDir> {
        if let Some(stop) = self.stop.take() {
            let _ = stop.send(());
        }
        self.serving.await.expect("the server does not panic").expect("the server ends well");
        let node = Arc::into_inner(self.node).expect("nothing but the server holds the node");
        node.stop().await;
        self.folder
    }

    /// Stops it and starts another over the same folder.
    pub async fn restart(self) -> TestApp {
        let passwords = self.passwords;
        self.restart_hashing(passwords).await
    }

    /// Stops it and starts another over the same folder, with another policy for passwords.
    pub async fn restart_hashing(self, passwords: PasswordPolicy) -> TestApp {
        let (settings, redis, modules) = (self.settings.clone(), self.redis.clone(), self.modules);
        let folder = self.stop().await;
        TestApp::over(folder, settings, passwords, redis, None, modules).await
    }

    /// Stops it and starts another over the same folder, with these parts of the product.
    pub async fn restart_having(self, modules: Modules) -> TestApp {
        TestApp { modules, ..self }.restart().await
    }

    /// Stops it, lets somebody at its data folder, and starts another over it.
    pub async fn restart_after(self, work: impl FnOnce(&Path)) -> TestApp {
        let (settings, passwords, redis) = (self.settings.clone(), self.passwords, self.redis.clone());
        let modules = self.modules;
        let folder = self.stop().await;
        work(&data(&folder));
        TestApp::over(folder, settings, passwords, redis, None, modules).await
    }
}

fn new_folder() -> Arc<TempDir> {
    Arc::new(TempDir::new().expect("a temporary folder can be made"))
}

fn data(folder: &TempDir) -> PathBuf {
    Path::new(folder.path()).join("data")
}
