//! What the user does to groups.

use std::collections::BTreeSet;

use dioxus::prelude::*;

use crate::canvas::{
    board::{
        Board,
        drawn::{Beside, GroupHandle},
        set_if_new,
    },
    commands::groups,
};

impl Board {
    /// The groups that have a selected node, and the one that is active.
    pub(crate) fn groups_here(&self) -> Vec<GroupHandle> {
        let (selection, groups) = (self.selection.peek(), self.groups.peek());
        let is_here = |group: &&GroupHandle| {
            let members = group.members.peek();
            members.iter().any(|node| selection.contains(&node.key))
        };
        groups.iter().filter(is_here).copied().collect()
    }

    pub(crate) fn group_selection(&mut self) {
        let ids = self.selected_ids();
        if ids.is_empty() {
            return self.say("Choose the nodes of the group first");
        }
        self.group_nodes(&ids);
    }

    pub(crate) fn group_nodes(&mut self, ids: &[String]) {
        let (id, command) = groups::group(&self.graph.peek(), ids);
        if !self.run(&command) && !*self.locked.peek() {
            self.say("These nodes are a group already");
        }
        if let Some(group) = self.group_by_id(&id) {
            self.activate_beside(Beside::Group(group));
        }
    }

    pub(crate) fn ungroup_selection(&mut self) {
        let ids: Vec<String> = self.groups_here().iter().map(GroupHandle::id).collect();
        self.ungroup(&ids);
    }

    pub(crate) fn ungroup(&mut self, ids: &[String]) {
        if ids.is_empty() {
            return self.say("No group is selected");
        }
        let command = groups::ungroup(&self.graph.peek(), ids);
        if self.run(&command) {
            self.stand_on_selection();
        }
    }

    /// The node goes into a group, or out of its own.
    pub(crate) fn put_into(&mut self, node: &str, group: Option<&str>) {
        let command = groups::put(&self.graph.peek(), node, group);
        self.run(&command);
    }

    /// Collapses or expands the groups of the selection.
    pub(crate) fn fold_selection(&mut self, collapsed: bool) {
        let groups = self.groups_here();
        let other = groups
            .into_iter()
            .filter(|group| group.is_collapsed() != collapsed);
        let groups: Vec<GroupHandle> = other.collect();
        if groups.is_empty() {
            let word = if collapsed { "collapsed" } else { "expanded" };
            return self.say(format!("There is no group here to be {word}"));
        }
        self.fold(&groups, collapsed);
    }

    /// Who only looks at the flow may open and close groups, too: for themselves.
    pub(crate) fn fold(&mut self, groups: &[GroupHandle], collapsed: bool) {
        let ids: Vec<String> = groups.iter().map(GroupHandle::id).collect();
        let command = groups::fold(&self.graph.peek(), &ids, collapsed);
        if *self.locked.peek() {
            let mut graph = self.graph;
            graph.write().apply(&command.edits);
            self.reconcile();
            self.say(command.label);
        } else {
            self.run(&command);
        }
        let members = groups.iter().flat_map(|group| Beside::Group(*group).keys());
        self.select(members.collect::<BTreeSet<u32>>());
        self.stand(None, groups.first().copied().map(Beside::Group));
    }

    pub(crate) fn toggle(&mut self, group: GroupHandle) {
        self.fold(&[group], !group.is_collapsed());
    }

    /// From a node to the group that it is in.
    pub(crate) fn select_group(&mut self) {
        match self.groups_here().first() {
            Some(group) => {
                self.activate_beside(Beside::Group(*group));
                self.say(group.title());
            }
            None => self.say("This node is in no group"),
        }
    }

    /// The name of the active group is typed in its place.
    pub(crate) fn begin_renaming(&mut self, group: GroupHandle) {
        if *self.locked.peek() {
            return self.say("This flow cannot be changed");
        }
        set_if_new(&mut self.editing, Some(group.key));
    }

    pub(crate) fn rename_group(&mut self, group: GroupHandle, name: &str) {
        let command = groups::rename(&self.graph.peek(), &group.id(), name);
        self.run(&command);
    }
}
